"""What the engine, the embedder and the library of an Ollama server share."""
