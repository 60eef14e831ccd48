"""What is kept of a member: shown to them, and forgotten when they ask."""
