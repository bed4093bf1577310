"""Roof: everything a person starts. One readable script per question, and the command line."""
