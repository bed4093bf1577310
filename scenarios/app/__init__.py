"""The interactive page: what a visitor chooses, what is played, and one panel per file."""
