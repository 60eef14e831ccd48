"""Language models and embedders behind two small protocols; each engine is one file."""

import os

# OpenMP reads this when an engine's module loads it, so it must stand before any of them is imported.
# Threads that spin while they wait for each other make a model 10 to 70 times slower as soon as another
# process wants the same core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
