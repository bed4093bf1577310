"""Second floor: questions asked of a market or a mechanism."""
