"""Fine-tuning in a process of its own: the package `process`, which alone imports torch."""
