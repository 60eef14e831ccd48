"""Passages and how they are found; each store is one file behind `protocol.KnowledgeStore`."""
