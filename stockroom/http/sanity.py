"""Whether a request can mean only one thing: its path, its query, its headers."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain

from starlette.types import Scope

from stockroom.contract.problems import Problem
from stockroom.http.hosts import is_host

MAX_TARGET, MAX_HEADERS = 8_192, 32_768

# Percent-encoded or plain: a slash or backslash within a segment, a control character, a dot segment, an
# empty one. Each could mean one path to one layer and another to the next. A line feed at the end even takes
# a request past Connexion's security: it is routed under a base path that the layers after do not know.
ODD_PATH = re.compile(
    rb"(?i)//|\\|%2f|%5c|%[01][0-9a-f]|%7f|[\x00-\x20\x7f]|(?:^|/)(?:\.|%2e){1,2}(?:/|$)|%(?![0-9a-f]{2})"
)
SINGLE = frozenset(
    {b"host", b"content-length", b"content-type", b"content-encoding", b"authorization", b"transfer-encoding"}
)
# What ASGI names; servers may hand on others, which are framed otherwise or have no headers.
VERSIONS = frozenset({"1.0", "1.1", "2", "3"})
SURROGATE = re.compile("[\ud800-\udfff]")
DIGITS = re.compile(rb"[0-9]{1,18}")


def require_sane(scope: Scope, fields: Mapping[bytes, bytes]) -> None:
    """Raises Problem for what two layers might read in two ways. `fields` are the headers, by name."""
    if scope["http_version"] not in VERSIONS:
        raise _last_problem(f"HTTP/{scope['http_version']} is not spoken here.")
    path = scope.get("raw_path") or scope["path"].encode(errors="surrogateescape")
    if len(path) + len(scope["query_string"]) > MAX_TARGET:
        raise Problem("malformed-request", f"Path and query may have {MAX_TARGET} bytes.")
    if ODD_PATH.search(path):
        raise Problem(
            "malformed-request", "The path holds characters or segments that are not allowed in it."
        )
    if path != b"/" and path.endswith(b"/"):
        raise Problem("not-found", "Nothing is at this path; no path here ends with a slash.")
    _require_utf8(path, scope["path"])
    _require_sane_headers(scope["headers"], fields)
    _require_host(scope["http_version"], fields.get(b"host"))
    if b"transfer-encoding" in fields:
        _require_known_framing(fields)


def _require_utf8(raw: bytes, path: str) -> None:
    # Servers decode with replacement or surrogates; either way a path of ours is told from what was sent.
    if (b"%" in raw and "\ufffd" in path) or SURROGATE.search(path):
        raise Problem("malformed-request", "The path is not UTF-8.")


def _require_sane_headers(headers: list[tuple[bytes, bytes]], fields: Mapping[bytes, bytes]) -> None:
    if sum(map(len, chain.from_iterable(headers))) > MAX_HEADERS:
        raise Problem("malformed-request", f"The headers may have {MAX_HEADERS} bytes.")
    if len(fields) < len(headers):
        _refuse_repeated(headers)
    length = fields.get(b"content-length")
    if length is not None and not DIGITS.fullmatch(length):
        raise _last_problem("The Content-Length is not a number.")


def _require_host(version: str, host: bytes | None) -> None:
    """RFC 9112, 3.2; more than one has been refused."""
    if host is None:
        if version != "1.0":
            raise Problem("malformed-request", "The header Host is missing.")
    elif not is_host(host):
        raise Problem("malformed-request", "The header Host holds no host.")


def _require_known_framing(fields: Mapping[bytes, bytes]) -> None:
    """RFC 9112, 6.1 and 6.3."""
    if b"content-length" in fields:
        raise _last_problem("The request has both a Content-Length and a Transfer-Encoding.")
    if fields[b"transfer-encoding"].lower() != b"chunked":
        raise Problem(
            "unknown-transfer-coding",
            "Bodies come with a Content-Length or in the transfer coding chunked, and no other.",
            headers={"Connection": "close"},
        )


def _refuse_repeated(headers: list[tuple[bytes, bytes]]) -> None:
    counts = Counter(name for name, _ in headers if name in SINGLE)
    for name, count in counts.items():
        if count > 1:
            raise _last_problem(f"The header {name.decode()} is there {count} times.")


def _last_problem(detail: str) -> Problem:
    # Where this request ends and the next begins is in doubt, so nothing more is taken from the connection.
    return Problem("malformed-request", detail, headers={"Connection": "close"})
