"""The contract as it is served, and the page that shows it."""

import re
from typing import Any

import pytest
import yaml

from stockroom.contract.contract import Contract
from stockroom.contract.document import CONTRACT

ASSETS = ["swagger-ui.css", "swagger-ui-bundle.js", "initializer.js", "favicon-32x32.png"]


def test_the_yaml_is_the_file_to_the_byte(service: Any) -> None:
    answer = service.get("/openapi.yaml")
    assert answer.content == CONTRACT.read_bytes()
    assert answer.headers["Content-Type"] == "application/yaml"


def test_the_json_is_the_same_document(service: Any) -> None:
    answer = service.get("/openapi.json")
    assert answer.json() == yaml.safe_load(CONTRACT.read_bytes())
    assert answer.headers["Content-Type"] == "application/json"


def test_references_are_kept_and_nothing_of_the_inside_is_told(service: Any) -> None:
    text = service.get("/openapi.json").text
    assert text.count('"$ref"') == CONTRACT.read_text().count("$ref:")
    assert not re.search(r'"x-\w*Func"', text)


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.yaml", "/docs", *(f"/docs/{a}" for a in ASSETS)])
def test_it_is_fetched_once(path: str, service: Any) -> None:
    first = service.get(path)
    assert first.status_code == 200
    again = service.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "no-cache"


def test_the_page_takes_everything_from_here(service: Any) -> None:
    page = service.get("/docs").text
    assert "http" not in page.replace("http-equiv", "")
    parts = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sorted(parts) == sorted(f"docs/{name}" for name in ASSETS)
    for part in parts:
        assert service.get(f"/{part}").status_code == 200


def test_styles_and_settings_fetch_nothing_from_elsewhere(service: Any) -> None:
    style = service.get("/docs/swagger-ui.css").text
    assert "@import" not in style
    assert all(url.strip("\"'").startswith("data:") for url in re.findall(r"url\(\s*(.{6})", style))
    settings = service.get("/docs/initializer.js").text
    assert "//" not in settings
    assert 'url: "openapi.json"' in settings
    # That layout shows a badge of an outside validator.
    assert "StandaloneLayout" not in settings


def test_a_policy_holds_the_page_to_that(service: Any) -> None:
    policy = dict(
        directive.split(" ", 1)
        for directive in service.get("/docs").headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert not re.search(r"https?:|\*|unsafe-eval", str(policy))


@pytest.mark.parametrize(
    "name", ["swagger-ui.js", "index.html", "oauth2-redirect.html", "package.json", "openapi.json", "a" * 300]
)
def test_no_other_file_is_served(name: str, service: Any) -> None:
    answer = service.get(f"/docs/{name}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def test_a_path_that_could_mean_another_is_refused_here_too(service: Any) -> None:
    assert service.get("/docs/%2e%2e").status_code == 400


def test_a_document_with_braces_is_served_as_it_is(contract: Contract) -> None:
    """Connexion would take them for a template of Jinja's."""
    assert b"/items/{sku}" in contract.document.text
