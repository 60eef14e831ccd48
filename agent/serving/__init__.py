"""Which model, and which adapter of it, answers a guild's questions."""
