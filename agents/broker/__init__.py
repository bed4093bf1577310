"""The broker: auctions, weights, and the training of what is learned."""
