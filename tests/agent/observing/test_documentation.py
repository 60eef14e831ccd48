"""docs/observability.md says of metrics and labels what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from agent.observing.metrics import CAPPED, CLOSED, REGISTRY
from agent.settings import Settings, variable

_PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text("utf-8")


def _between(mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n(.*)<!-- /{mark} -->", _PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def _metrics_table() -> str:
    lines = ["| metric | type | labels | what |", "|---|---|---|---|"]
    for collector, names in REGISTRY._collector_to_names.items():
        name = next((each for each in names if each.startswith("lorekeeper_")), "")
        if name:
            kind = collector._type
            full = {"counter": f"{collector._name}_total", "info": f"{collector._name}_info"}.get(
                kind, collector._name
            )
            labels = collector._labelnames or sorted(
                getattr(collector, "_value", {}) if kind == "info" else ()
            )
            shown = ", ".join(f"`{label}`" for label in labels)
            about = collector._documentation
            lines.append(f"| `{full}` | {'gauge' if kind == 'info' else kind} | {shown} | {about} |")
    return "\n".join(lines) + "\n"


def _labels_table() -> str:
    lines = ["| label | values |", "|---|---|"]
    lines += [
        f"| `{label}` | {', '.join(f'`{each}`' for each in sorted(CLOSED[label]))} |" for label in CLOSED
    ]
    return "\n".join(lines) + "\n"


def test_every_metric_is_listed_as_it_is() -> None:
    assert _between("metrics") == _metrics_table()


def test_every_label_is_listed_with_all_its_values() -> None:
    assert _between("labels") == _labels_table()
    assert all(f"`{label}`" in _PAGE for label in CAPPED)


def test_every_setting_it_names_exists() -> None:
    names = {variable(name) for name in Settings.model_fields}
    named = set(re.findall(r"LOREKEEPER_[A-Z_]+", _PAGE))
    assert named <= names
    watching = ("log_", "health_", "traces_")
    assert {variable(name) for name in Settings.model_fields if name.startswith(watching)} <= named
