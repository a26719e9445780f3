"""Metrics, as Prometheus scrapes them."""

import time
from collections.abc import Callable
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import PATIENCE


def scrape(port: int) -> list[Any]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value(port: int, name: str, **labels: str) -> float | None:
    """What one sample shows; None where there is no such sample."""
    found = [sample.value for sample in scrape(port) if (sample.name, sample.labels) == (name, labels)]
    return found[0] if found else None


def until(condition: Callable[[], Any]) -> Any:
    """What `condition` returns once it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return value
