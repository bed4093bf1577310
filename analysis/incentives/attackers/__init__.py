"""Attackers: ways of looking for a lie that pays, one per file, each discovered automatically."""
