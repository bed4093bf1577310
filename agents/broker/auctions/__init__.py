"""One mechanism per file; what stands here is discovered automatically."""
