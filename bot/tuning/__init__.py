"""Fine-tuning as people meet it, in Discord and in the terminal."""
