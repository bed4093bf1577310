"""One way of bidding per file."""
