"""Attackers: ways of looking for a lie that pays, one per file, each found by being there."""
