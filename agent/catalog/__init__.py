"""What a guild has defined and handed in: categories, labelled examples, sources."""
