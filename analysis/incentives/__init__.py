"""The audit of incentives: how much an owner could gain by lying, found by attack and claimed only as a lower bound."""
