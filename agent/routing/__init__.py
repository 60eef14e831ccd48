"""Which categories a question belongs to."""
