"""Everything private to a data owner."""
