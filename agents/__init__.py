"""The actors of the market and what they share."""
