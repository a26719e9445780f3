"""One tiny contract, run by Connexion as it comes and by the contract runtime."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import connexion
import yaml
from flask import Flask
from starlette.types import ASGIApp

from stockroom.contract.contract import load_contract
from stockroom.http.service import Dependencies, build_service
from tests.contract import tiny

TINY = Path(__file__).parent / "tiny" / "openapi.yaml"


def stock_service(**spec: Any) -> ASGIApp:
    """Connexion's FlaskApp. It has no answer at all where a problem is declared beside JSON, so none are."""
    document = yaml.safe_load(TINY.read_text()) | spec
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"] = {s: r for s, r in operation["responses"].items() if s[0] == "2"}
    return stock_service_of(document)


def stock_service_of(document: dict[str, Any]) -> ASGIApp:
    app = connexion.FlaskApp("tiny")
    app.add_api(document)
    service: ASGIApp = app.middleware
    return service


def our_service(uploads: Path, path: Path = TINY, **changes: Any) -> ASGIApp:
    around = Dependencies(
        flask=Flask("tiny"),
        handlers=tiny,
        constants={},
        providers={"user": lambda context: nullcontext(context.principal and context.principal.subject)},
        authenticate=lambda token: (
            SimpleNamespace(subject=token, scopes=frozenset()) if token.isalnum() else None
        ),
        keys=SimpleNamespace(),
        problem_for=lambda error, statuses: None,
        is_recorded=lambda error: False,
        lifespan=lambda app: nullcontext(),
        **changes,
    )
    return build_service(load_contract(uploads, path), around)
