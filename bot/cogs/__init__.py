"""The bot's features, one a file, each with its commands, buttons, forms and errors."""
