"""Back ends of the command line, and what scenarios share."""
