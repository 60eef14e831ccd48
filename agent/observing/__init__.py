"""How it goes while questions are answered: numbers for Prometheus, spans for OpenTelemetry when asked for.

Neither ever holds a word of a question, a passage or an answer.
"""
