"""Anomalies: what is unusual about a guild's questions, votes and sources. None of them ever trains."""
