"""The stages of a question, one file each; agent/graph.py joins them."""
