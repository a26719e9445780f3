"""What is in stock where requests are made up, the password of whoever makes them, and what these change."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stockroom.contract.operations import Operation

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
_known = tomllib.loads(CONFIGURATION.read_text())["dictionaries"]

SKUS: list[str] = _known["skus"]["values"]
LOCATIONS: list[str] = _known["locations"]["values"]
PASSWORD = "ten thousand grains of rice"

_MEMBER = re.compile(r"\$response\.body#/(\w+)")


def named(operation: Operation, body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The body of a request with another name for the thing that it makes, if the client gives that name.

    It does where the links of the answer find the thing by a member that was in the request.
    """
    links = operation.responses[operation.success].get("links", {}).values()
    sources = [str(source) for link in links for source in link.get("parameters", {}).values()]
    members = {found[1] for source in sources if (found := _MEMBER.fullmatch(source))}
    return {**body, **dict.fromkeys(members & body.keys(), name)}


def changes_own_account(operation: Operation) -> bool:
    """Whether it needs a token and no scope, and writes: the session or the password may be others then."""
    return operation.scopes == frozenset() and operation.method != "GET"
