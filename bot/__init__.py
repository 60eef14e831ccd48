"""People: Discord and the terminal. Knows agent and tuning; nothing else may import discord."""
