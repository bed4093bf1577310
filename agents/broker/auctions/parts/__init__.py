"""What mechanisms are made of: networks, price lists, sharing rules, lotteries."""
