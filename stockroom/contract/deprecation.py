"""Deprecation: what `x-deprecation` says, and the headers by which an operation tells its clients."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from stockroom.contract.document import ContractFault, Document, Pointer

EXTENSION = "x-deprecation"
MEMBERS = {"since", "sunset", "link"}
# A path of this service or a URL, in the characters of RFC 3986 alone, for it stands in a header.
LINK = re.compile(r"(https://[A-Za-z0-9]|/)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{0,500}")
# What stands below these is a value and no part of the description.
VALUES = ("default", "enum", "example", "examples")

HeaderLines = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Deprecation:
    """The headers on every answer of a deprecated operation, as they go out: names in lower case."""

    headers: Mapping[str, str]

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Deprecation":
        """`spec` is an `x-deprecation`; its days begin at midnight, UTC."""
        since, sunset = (
            datetime.combine(date.fromisoformat(spec[day]), time(), UTC) for day in ("since", "sunset")
        )
        return cls(
            {
                "deprecation": f"@{since.timestamp():.0f}",  # RFC 9745, 2.1
                "sunset": format_datetime(sunset, usegmt=True),  # RFC 8594, 3
                "link": f'<{spec["link"]}>; rel="deprecation"',  # RFC 9745, 3
            }
        )

    def added_to(self, headers: HeaderLines) -> HeaderLines:
        """`headers` with these. All links are one line (RFC 9110, 5.3): some clients read only the first."""
        links = [value.decode("latin-1") for name, value in headers if name == b"link"]
        own = {**self.headers, "link": ", ".join([*links, self.headers["link"]])}
        others = [(name, value) for name, value in headers if name != b"link"]
        return others + [(name.encode(), value.encode("latin-1")) for name, value in own.items()]


def sunset_of(spec: Mapping[str, Any]) -> date | None:
    """The day after which what `spec` describes may be gone; None if it is not deprecated."""
    return date.fromisoformat(spec[EXTENSION]["sunset"]) if EXTENSION in spec else None


def deprecation_faults(document: Document) -> Iterator[ContractFault]:
    """What is wrong with the deprecations of a contract: of operations, parameters and properties alike."""
    for pointer, node in _objects(document.raw, ()):
        deprecated = node.get("deprecated") is True
        if deprecated and EXTENSION not in node:
            yield (*pointer, "deprecated"), f"what is deprecated says until when, in {EXTENSION}"
        elif EXTENSION in node and not deprecated:
            yield (*pointer, EXTENSION), f"{EXTENSION} is for what is deprecated: true"
        elif deprecated and (message := _misfit(document, node[EXTENSION])):
            yield (*pointer, EXTENSION), message


def _misfit(document: Document, spec: Any) -> str | None:
    if not isinstance(spec, dict) or set(spec) != MEMBERS:
        return f"{EXTENSION} needs since, sunset and link"
    if not (_is_day(spec["since"]) and _is_day(spec["sunset"])):
        return "since and sunset are days in quotes, such as '2026-11-22'"
    if spec["since"] >= spec["sunset"]:
        return "the sunset comes after since"
    if not isinstance(spec["link"], str) or not LINK.fullmatch(spec["link"]):
        return "link is an absolute path or an https URL"
    path = re.split("[?#]", spec["link"])[0]
    if path.startswith("/") and "get" not in document.raw["paths"].get(path, {}):
        return f"link leads to {path}, and nothing can be read there"
    return None


def _is_day(text: Any) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _objects(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """All objects of a document that describe something, and where they stand."""
    if isinstance(node, dict):
        yield pointer, node
        for key, below in node.items():
            # A property may have any name.
            if key not in VALUES or pointer[-1:] == ("properties",):
                yield from _objects(below, (*pointer, key))
    elif isinstance(node, list):
        for index, below in enumerate(node):
            yield from _objects(below, (*pointer, index))
