"""What was said in channels becomes knowledge: read by pages, grouped into conversations, followed."""
