"""Learning: labels, patterns, data sets, training, evaluation, registry. Knows agent, never bot."""
