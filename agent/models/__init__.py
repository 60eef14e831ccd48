"""Language models and embedders behind two small protocols; each engine is one file."""
