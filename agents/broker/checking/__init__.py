"""Refuting what a mechanism declares: hard profiles, misreports, and the contracts of price lists."""
