"""HTML for browsers: the same values as in JSON, as pages, and only for those who ask for pages."""

from typing import Any

import pytest
from flask import Flask

from stockroom.contract.contract import Contract
from stockroom.contract.problems import ProblemType
from stockroom.http.context import RequestContext
from stockroom.http.html import HtmlAnswers
from tests.contract.changes import Refusal, add

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PAGES = {"/": "/docs", "/problems": "/problems/sku-taken", "/problems/sku-taken": "/problems"}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("accept", [BROWSER, "text/html", "TEXT/HTML", "text/html, */*", "text/*"])
def test_who_prefers_html_gets_a_page(path: str, accept: str, service: Any) -> None:
    answer = service.get(path, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["Vary"] == "Accept"
    assert answer.text.startswith("<!doctype html>")
    assert f'href="{PAGES[path]}"' in answer.text


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "",
        "application/json",
        "application/json, text/html",
        "text/html;q=0.9, application/json",
        "text/html;q=0",
        "image/png",
        "nonsense",
        ";q=,;;/",
        "text/html;level=1",
        "a/b," * 1500,
    ],
)
def test_everybody_else_gets_json(path: str, accept: str, service: Any) -> None:
    answer = service.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Vary"] == "Accept"
    assert answer.json()


def test_a_page_tells_what_the_json_tells(service: Any, contract: Contract) -> None:
    for kind in contract.catalogue.types.values():
        page = service.get(kind.type, headers={"Accept": BROWSER}).text
        assert f"<h1>{kind.title}</h1>".replace("'", "&#39;") in page
        assert str(kind.status) in page


def test_a_page_may_load_nothing_and_run_nothing(service: Any) -> None:
    answer = service.get("/", headers={"Accept": BROWSER})
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src 'self';")
    assert "script" not in answer.text


def test_a_refusal_is_a_problem_for_browsers_too(service: Any) -> None:
    answer = service.get("/problems/nonsense", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_what_is_no_text_of_ours_is_written_as_text(contract: Contract) -> None:
    answers = HtmlAnswers(Flask("stockroom"), contract.document, contract.operations.values())
    kind = ProblemType("/problems/x", "<script>alert(1)</script>", 400, 'a "quoted" <b>text</b>')
    context = RequestContext("1", "192.0.2.1", {b"accept": b"text/html"})
    page, headers = answers.chosen(contract.operations["handlers.problems.read"], context, kind)
    assert headers["Content-Type"] == "text/html"
    assert b"<script" not in page
    assert b"<b>" not in page


def test_html_without_a_template_is_refused_by_line(refusal: Refusal) -> None:
    html = "\n            text/html:\n              schema: {type: string, maxLength: 9}"
    refusal(
        add("\n  /health/live: > example: {status: ok}", html),
        "\n  /health/live: > get:",
        "there is no template health/live.html",
    )
