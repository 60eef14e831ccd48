"""What a message means, read without a model: its intent, constraints, follow-up and entry."""
