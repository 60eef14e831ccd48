"""From files, folders and URLs to passages."""
