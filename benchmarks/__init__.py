"""What is claimed, measured. Each module is one command: `python -m benchmarks.NAME`."""
