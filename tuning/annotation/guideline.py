"""The version of docs/annotation.md. It goes up when the guidelines ask for other decisions than before, and
stands in every decision, so that labels of two versions can be told apart."""

from typing import Final

GUIDELINE: Final = 1
