"""Labels: what feedback says would have been right, derived from the journal by stated rules."""
