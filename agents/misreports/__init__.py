"""Misreports: how they are drawn, searched for and encoded; used by strategies, checks, audit and training."""
