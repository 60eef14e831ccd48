"""Patterns: failures that recur, and whether they are stable enough to train on."""
