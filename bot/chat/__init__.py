"""The terminal chat: its session, its commands and how an answer appears."""
