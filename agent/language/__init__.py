"""What must be known of human language: which one it is, sentences, dates."""
