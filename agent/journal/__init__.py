"""What happened: episodes and feedback, append-only, scoped by guild."""
