"""Questions: the graph, models, knowledge, routing and the journal. Knows neither bot nor tuning."""
