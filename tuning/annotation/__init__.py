"""Annotation: what people are asked to decide, what they decided, and how far they agree."""
