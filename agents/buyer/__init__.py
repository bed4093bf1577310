"""The model buyer: wallet, global model, update rule."""
