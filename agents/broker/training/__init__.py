"""How learned auctions are trained, offline, from the prior."""
