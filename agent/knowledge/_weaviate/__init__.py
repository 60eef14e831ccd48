"""What `agent.knowledge.weaviate` is made of; nothing else imports it."""
