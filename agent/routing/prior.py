"""tmp"""

from agent.routing.fusion import Prior

BARE_PARTS = Prior(mean=(1.5, 3.0, 3.0), sd=(1, 3, 3))
TAUGHT_PARTS = Prior(mean=(2.2, 5.0, 2.0), sd=(1, 3, 3))
BARE_SCOPE = Prior(mean=(0, 2.0, 2.0), sd=(2, 1, 3))
TAUGHT_SCOPE = Prior(mean=(-1, 1.5, 7.0), sd=(2, 1, 3))
MODEL = Prior(mean=(1.0, 0.0), sd=(0.2, 0.3))
OUTSIDE_SHARE = 0.2
