"""Answers in HTML for whoever prefers it: the same values, put into a template by Flask with Jinja."""

from collections.abc import Iterable
from typing import Any

from flask import Flask, render_template
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from stockroom.contract.document import ContractError, Document
from stockroom.contract.operations import HTML, JSON, Operation
from stockroom.http.context import RequestContext

# Styles stand in the page; nothing is fetched but the icon.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class HtmlAnswers:
    """The answers of operations that are declared as JSON and as HTML.

    The template of `handlers.problems.read` is `problems/read.html`. Raises ContractError if one is missing.
    """

    def __init__(self, flask: Flask, document: Document, operations: Iterable[Operation]) -> None:
        self._flask = flask
        known = set(flask.jinja_env.list_templates())
        faults = [
            document.fault(operation.pointer, f"there is no template {_template(operation)} for its HTML")
            for operation in operations
            if operation.is_negotiated and _template(operation) not in known
        ]
        if faults:
            raise ContractError("\n".join(faults))

    def chosen(
        self, operation: Operation, context: RequestContext, result: Any
    ) -> tuple[Any, dict[str, str]]:
        """What a handler returned, as the client prefers it (RFC 9110, 12.5.1): JSON unless it names HTML."""
        value, headers = result if isinstance(result, tuple) else (result, {})
        accept = context.fields.get(b"accept", b"").decode("latin-1")
        media = parse_accept_header(accept, MIMEAccept).best_match((JSON, HTML), JSON)
        headers = {**headers, "Content-Type": media, "Vary": "Accept"}
        if media == JSON:
            return value, headers
        with self._flask.app_context():
            page = render_template(_template(operation), answer=value)
        return page.encode(), headers | {"Content-Security-Policy": POLICY}


def _template(operation: Operation) -> str:
    return "/".join(operation.id.split(".")[1:]) + ".html"
