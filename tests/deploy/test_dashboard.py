"""Every query of the dashboard and of the alerts asks for metrics and labels that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import promql_parser
import pytest
import yaml
from promql_parser import AggregateExpr, BinaryExpr, VectorSelector

from agent.observing.metrics import CLOSED, REGISTRY
from agent.settings import Settings
from tests.deploy.files import COMPOSE, ROOT, compose

_DEPLOY: Final = ROOT / "deploy"
_DASHBOARD: Final[dict[str, Any]] = json.loads((_DEPLOY / "grafana" / "lorekeeper.json").read_text("utf-8"))
_ALERTS: Final = yaml.safe_load((_DEPLOY / "alerts.yml").read_text("utf-8"))
_PROMETHEUS: Final = yaml.safe_load((_DEPLOY / "prometheus.yml").read_text("utf-8"))

_OF_PROMETHEUS: Final = {"instance", "job"}
"""Labels that it adds to everything it scrapes."""

_VARIABLES: Final = {"$__rate_interval": "1m", "$__range": "1h", "$instance": ".*"}
"""What Grafana puts in before it asks."""


def _known() -> dict[str, set[str]]:
    """Every series that the bot exposes, and its labels. `process_` ones exist on Linux only."""
    known = {"up": set(), "process_resident_memory_bytes": set(), "process_cpu_seconds_total": set()}
    for collector in set(REGISTRY._collector_to_names):
        labels = set(getattr(collector, "_labelnames", ()))
        kind = getattr(collector, "_type", "")
        for name in REGISTRY._collector_to_names[collector]:
            known[name] = labels | ({"le"} if kind == "histogram" and name.endswith("_bucket") else set())
            if kind == "info":
                known[name] = set(collector._value)
    return {name: labels | _OF_PROMETHEUS for name, labels in known.items()}


_KNOWN: Final = _known()


def _panels() -> list[dict[str, Any]]:
    return [panel for panel in _DASHBOARD["panels"] if panel["type"] != "row"]


def _queries() -> list[Any]:
    return [
        pytest.param(target["expr"], target["legendFormat"], id=f"{panel['title']} {target['refId']}")
        for panel in _panels()
        for target in panel["targets"]
    ]


def _alerts() -> list[dict[str, Any]]:
    return [rule for group in _ALERTS["groups"] for rule in group["rules"]]


def _parsed(query: str) -> promql_parser.Expr:
    for variable, value in _VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    return promql_parser.parse(query)


def _problems(query: str) -> list[str]:
    """Say what the query asks for that does not exist."""
    found: list[str] = []
    _visit(_parsed(query), found)
    return found


def _visit(root: promql_parser.Expr, problems: list[str]) -> set[str]:
    """Collect problems and return the labels that the expression can have."""
    labels: set[str] = set()
    asked: set[str] = set()

    def look(node: promql_parser.Expr) -> None:
        nonlocal labels, asked
        if isinstance(node, VectorSelector):
            problems.extend(_selector_problems(node))
            labels |= _KNOWN.get(node.name or "", set())
        elif isinstance(node, AggregateExpr) and node.modifier is not None:
            asked |= set(node.modifier.labels)

    promql_parser.walk(root, look)
    problems.extend(f"no series here has the label {label}" for label in sorted(asked - labels))
    return labels


def _selector_problems(selector: VectorSelector) -> Iterator[str]:
    name = selector.name or ""
    if name not in _KNOWN:
        yield f"there is no metric {name}"
        return
    for matcher in selector.matchers.matchers:
        if matcher.name not in _KNOWN[name]:
            yield f"{name} has no label {matcher.name}"
        elif matcher.name in CLOSED:
            wanted = matcher.value.split("|")
            yield from (
                f"{matcher.name} is never {each}" for each in wanted if each not in CLOSED[matcher.name]
            )


@pytest.mark.parametrize(("query", "legend"), _queries())
def test_a_panel_asks_for_what_exists(query: str, legend: str) -> None:
    assert _problems(query) == []
    shown = set(re.findall(r"{{(\w+)}}", legend))
    assert shown <= _labels_kept(_parsed(query))


def _labels_kept(node: promql_parser.Expr) -> set[str]:
    """The labels that a result has, which its legend may show."""
    if isinstance(node, AggregateExpr):
        return set(node.modifier.labels) if node.modifier is not None else set()
    if isinstance(node, VectorSelector):
        return _KNOWN[node.name or ""]
    if isinstance(node, BinaryExpr):
        return _labels_kept(node.lhs)
    inner = [*getattr(node, "args", ())] or [
        getattr(node, "expr", None) or getattr(node, "vector_selector", None)
    ]
    return set().union(*(_labels_kept(each) for each in inner if isinstance(each, promql_parser.Expr)))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("rate(lorekeeper_question_total[5m])", "there is no metric lorekeeper_question_total"),
        ("lorekeeper_ready{guild='g'}", "lorekeeper_ready has no label guild"),
        ("lorekeeper_questions_total{outcome='lost'}", "outcome is never lost"),
        ("sum by (member) (lorekeeper_questions_total)", "no series here has the label member"),
        ("sum by (le) (lorekeeper_stage_seconds_sum)", "no series here has the label le"),
        ("sum(lorekeeper_ready) / sum(lorekeeper_gone)", "there is no metric lorekeeper_gone"),
    ],
)
def test_a_query_for_what_does_not_exist_is_found(query: str, problem: str) -> None:
    assert _problems(query) == [problem]


def test_what_is_no_query_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        _problems("sum by (outcome (lorekeeper_questions_total)")


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join(target["expr"] for panel in _panels() for target in panel["targets"])
    for collector in set(REGISTRY._collector_to_names):
        names = REGISTRY._collector_to_names[collector]
        if any(name.startswith("lorekeeper_") for name in names):
            assert any(re.search(rf"\b{name}\b", asked) for name in names), names


def test_panels_have_ids_of_their_own_a_title_and_a_place_without_overlap() -> None:
    assert len({panel["id"] for panel in _DASHBOARD["panels"]}) == len(_DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in _DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"]
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_the_variables_in_use_are_defined() -> None:
    text = json.dumps(_DASHBOARD)
    defined = {each["name"] for each in _DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used == defined == {"datasource", "instance"}
    (instance,) = (each for each in _DASHBOARD["templating"]["list"] if each["name"] == "instance")
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", instance["definition"]).groups()
    assert label in _KNOWN[metric]


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_exists_and_says_what_to_do(alert: dict[str, Any]) -> None:
    assert _problems(alert["expr"]) == []
    assert re.fullmatch(r"\d+[smh]", alert["for"])
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description"}
    shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(alert["annotations"])))
    comparison = _parsed(alert["expr"])
    assert isinstance(comparison, BinaryExpr)
    assert shown <= _labels_kept(comparison.lhs)


def test_prometheus_reads_the_alerts_and_the_bot_of_compose() -> None:
    assert _PROMETHEUS["rule_files"] == ["alerts.yml"]
    (scraped,) = _PROMETHEUS["scrape_configs"]
    assert scraped["job_name"] == "lorekeeper"
    bot = compose(COMPOSE)["services"]["bot"]
    (target,) = scraped["static_configs"][0]["targets"]
    assert target == f"bot:{bot['environment']['LOREKEEPER_HEALTH_PORT']}"


def test_no_port_is_served_by_default() -> None:
    assert Settings.model_fields["health_port"].default == 0
