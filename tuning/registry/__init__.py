"""Adapters under names that never change, who serves what, and who decided it."""
