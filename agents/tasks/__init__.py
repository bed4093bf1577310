"""Learning tasks: records, model function, and how records are dealt out to owners."""
