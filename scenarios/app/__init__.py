"""The interactive app: what a visitor chooses, what is played, and the panels that show it."""
