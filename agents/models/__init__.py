"""Models that the buyer can announce: what a record's scores are, given the parameters."""
