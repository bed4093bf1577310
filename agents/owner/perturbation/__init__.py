"""The private half of a perturbation: one sampler per file."""
