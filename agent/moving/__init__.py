"""Copying a whole installation between back ends, and into and out of a backup."""
