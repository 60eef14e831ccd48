"""Whether a challenger is better than what serves: measured through the engine that will serve it."""
