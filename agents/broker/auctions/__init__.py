"""One mechanism per file; what stands here is registered by existing."""
