"""What the bot keeps of its own: configuration, messages of answers, pending questions, audit log."""
