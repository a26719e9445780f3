"""Dashboard and alert rules ask for what a running service exposes, by labels that are there."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

import httpx
import promql_parser as promql
import pytest

from stockroom.contract.contract import Contract
from stockroom.http.observer import Lookup
from stockroom.process.api_metrics import ApiMetrics
from tests.deploy.tools import documents
from tests.processes import PATIENCE, ROOT, Service, _free_port
from tests.scraping import scrape, until
from tests.service import KEY

DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "stockroom.json").read_text())
(RULES,) = documents(ROOT / "deploy" / "prometheus" / "alerts.yaml")
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
GRAPHS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for graph in GRAPHS for target in graph["targets"]]

Values = dict[str, set[str]]
Exposed = Mapping[str, Values]
"""The values of each label, by the names of metrics."""


def parse(expression: str) -> Any:
    # Grafana replaces it by something of this kind.
    return promql.parse(expression.replace("$__rate_interval", "5m"))


def parts(node: Any) -> Iterator[Any]:
    """All nodes of an expression."""
    yield node
    for name in ("lhs", "rhs", "expr", "args", "param", "vector_selector"):
        below = getattr(node, name, None)
        for one in below if isinstance(below, list) else [below]:
            if one is not None:
                yield from parts(one)


def faults(expression: str, exposed: Exposed) -> list[str]:
    """What an expression asks for that is not there."""
    found = []
    for node in parts(parse(expression)):
        if isinstance(node, promql.VectorSelector):
            labels = exposed.get(node.name or "")
            if labels is None:
                found.append(f"there is no metric {node.name}")
            else:
                found += _unmatched(node, labels)
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            below = [one.name for one in parts(node) if isinstance(one, promql.VectorSelector)]
            missing = set(node.modifier.labels) - {label for name in below for label in exposed.get(name, {})}
            found += [f"there is no label {label} to sum by" for label in sorted(missing)]
    return found


def _unmatched(selector: Any, labels: Values) -> Iterable[str]:
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels:
            yield f"{selector.name} has no label {matcher.name}"
        # What is asked for or left out must be able to occur.
        elif not any(re.fullmatch(matcher.value, value) for value in labels[matcher.name]):
            yield f"no {matcher.name} of {selector.name} is {matcher.value}"


def add(exposed: dict[str, Values], samples: Iterable[Any]) -> None:
    for sample in samples:
        labels = exposed.setdefault(sample.name, {})
        for label, value in sample.labels.items():
            labels.setdefault(label, set()).add(value)


@pytest.fixture(scope="module")
def never_happens() -> dict[str, Values]:
    """What a service exposes once its contract is broken, which none here does."""
    metrics, exposed = ApiMetrics(), dict[str, Values]()
    metrics.drifted("handlers.items.read", 200, "body")
    add(exposed, (sample for family in metrics._drift.collect() for sample in family.samples))
    return exposed


@pytest.fixture
def exposed(
    start_service: Callable[..., Service],
    _postgresql_url: str,
    sign_in: Callable[..., dict[str, str]],
    contract: Contract,
    never_happens: dict[str, Values],
) -> Exposed:
    """What API and worker expose, once they had something to do."""
    ports = _free_port(), _free_port()
    settings = {"metrics_port": ports[0], "worker_metrics_port": ports[1], "database_url": _postgresql_url}
    service = start_service(worker=True, jwt_key=KEY, **settings)
    with httpx.Client(base_url=service.url, timeout=PATIENCE) as client:
        assert client.get("/summary", headers=sign_in()).status_code == 200
        assert [client.post("/login", json={}).status_code for _ in range(6)][-1] == 429
    exposed = dict(never_happens)

    def complete() -> bool:
        for port in ports:
            try:
                add(exposed, scrape(port))
            except httpx.TransportError:
                return False
        return {"stockroom_tasks", "stockroom_database_connections"} <= exposed.keys()

    until(complete)
    for labels in exposed.values():
        if "operation" in labels:
            labels["operation"] |= set(contract.operations)
        if "outcome" in labels:
            labels["outcome"] |= set(get_args(Lookup))
        if "status" in labels:
            labels["status"] |= {"200", "400", "500"}
    return exposed


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


def test_dashboard_and_alerts_ask_for_what_is_exposed_and_show_all_of_it(exposed: Exposed) -> None:
    expressions = [target["expr"] for target in TARGETS] + [alert["expr"] for alert in ALERTS]
    assert {text: wrong for text in expressions if (wrong := faults(text, exposed))} == {}
    asked = {
        re.sub("_(bucket|count|sum)$", "", node.name)
        for target in TARGETS
        for node in parts(parse(target["expr"]))
        if isinstance(node, promql.VectorSelector)
    }
    ours = {name for name in exposed if name.startswith("stockroom_") and not name.endswith("_created")}
    assert asked == {re.sub("_(bucket|count|sum)$", "", name) for name in ours}
    page = (ROOT / "docs" / "operations.md").read_text()
    assert asked == set(re.findall(r"^\| `(stockroom_\w+)`", page, re.MULTILINE))


EXPOSED: Exposed = {"found_total": {"state": {"in_use", "kept"}}, "other": {}}


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ('sum by (state) (rate(found_total{state="kept"}[5m])) / on (x) other', []),
        ("rate(fond_total[5m])", ["there is no metric fond_total"]),
        ('other + found_total{stat="kept"}', ["found_total has no label stat"]),
        ('found_total{state=~"free|lent"} > 1', ["no state of found_total is free|lent"]),
        ("max by (kind) (found_total)", ["there is no label kind to sum by"]),
    ],
)
def test_what_is_not_exposed_is_found_out(expression: str, wrong: list[str]) -> None:
    assert faults(expression, EXPOSED) == wrong


def test_each_line_of_a_graph_is_named_by_labels_that_it_has() -> None:
    for target in TARGETS:
        named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        by = [set(n.modifier.labels) for n in parts(parse(target["expr"])) if getattr(n, "modifier", None)]
        assert named == (by[0] - {"le"} if by else set()), target


def test_graphs_stand_side_by_side_and_ask_the_prometheus_that_is_chosen() -> None:
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    (variable,) = DASHBOARD["templating"]["list"]
    assert {graph["datasource"]["uid"] for graph in GRAPHS} == {f"${{{variable['name']}}}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_each_alert_says_what_to_do_and_stands_in_the_operators_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description"} == alert["annotations"].keys()
        assert f"`{alert['alert']}`" in page
