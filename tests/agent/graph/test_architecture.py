"""docs/architecture.md shows the graph that runs."""

from __future__ import annotations

import re
from pathlib import Path

from agent.graph import build_graph

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
_PICTURE = re.compile(r"<!-- graph -->\n```mermaid\n(.*?)\n```\n<!-- /graph -->", re.DOTALL)


def test_the_page_shows_the_graph_as_the_code_draws_it() -> None:
    shown = _PICTURE.search(PAGE.read_text("utf-8"))
    assert shown is not None
    assert shown[1] == build_graph(60).get_graph().draw_mermaid().strip()
