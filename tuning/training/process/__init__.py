"""The training process: `python -m tuning.training.process FOLDER`. All that imports torch is here."""
