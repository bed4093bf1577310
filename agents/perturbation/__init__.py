"""Perturbations: one way of adding noise to a gradient per file, known to everybody; only the gradient is private."""
