"""Training runs from outside: what they start from, whether there is room, running, exporting, comparing.

Nothing here imports torch: a run is a process of its own (`tuning.training.process`) and a folder
(`tuning.training.job`), and this room talks with both.
"""
