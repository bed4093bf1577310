"""Learning tasks: records, model function, and how records are distributed over owners."""
