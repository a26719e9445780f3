"""What is served as it lies there: the contract's bytes and Swagger UI, which shows it."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from flask import Flask, render_template

from stockroom.contract.document import Document, digest
from stockroom.frozen import frozen

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
SWAGGER_UI, OURS = files("flask_swagger_ui") / "dist", files("stockroom") / "static"
ASSETS = (
    (OURS, "initializer.js"),
    (SWAGGER_UI, "favicon-32x32.png"),
    (SWAGGER_UI, "swagger-ui-bundle.js"),
    (SWAGGER_UI, "swagger-ui.css"),
)

# Swagger UI writes styles into the page; scripts and connections are ours alone.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@frozen
class StaticPage:
    """Bytes and the headers they go out with."""

    content: bytes
    headers: Mapping[str, str]


def build_pages(document: Document, flask: Flask) -> Mapping[str, StaticPage]:
    """The pages by name: `openapi.json`, `openapi.yaml`, `docs`, and the parts of the latter."""
    with flask.app_context():
        docs = render_template("docs.html", title=document.raw["info"]["title"])
    return {name: _page(content, headers) for name, content, headers in _contents(document, docs)}


def _contents(document: Document, docs: str) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    yield "openapi.json", document.json, {"Content-Type": "application/json"}
    yield "openapi.yaml", document.text, {"Content-Type": "application/yaml"}
    yield "docs", docs.encode(), {"Content-Type": "text/html", "Content-Security-Policy": DOCS_POLICY}
    for folder, name in ASSETS:
        yield name, (folder / name).read_bytes(), {"Content-Type": MEDIA_TYPES[Path(name).suffix]}


def _page(content: bytes, headers: dict[str, str]) -> StaticPage:
    # `no-cache`: kept by the browser, asked about each time, answered 304 until an update.
    return StaticPage(content, {"ETag": digest(content), "Cache-Control": "no-cache", **headers})
