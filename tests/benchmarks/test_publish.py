"""docs/benchmarks.md says what was measured, and nothing else."""

from __future__ import annotations

from benchmarks.publish import PAGE, page


def test_the_page_is_made_of_the_results() -> None:
    assert PAGE.read_text("utf-8") == page()
