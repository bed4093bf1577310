"""Checking a run: its tables are recomputed from its configuration."""
