"""From what was trained to what an engine serves."""
