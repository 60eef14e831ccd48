"""Personal data out of what people wrote, before anything learns from it."""
