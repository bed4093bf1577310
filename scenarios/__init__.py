"""Scenarios: one module per question; beside them the command line and the interactive app."""
