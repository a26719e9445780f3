"""Facts: requests and their answers as they were on the wire, recorded while the suite runs.

Gates that judge the contract by what the service has really answered read them. They are kept only when the
environment variable STOCKROOM_TEST_RECORD names a folder.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from tests.contract.gates.facts.kinds import kinds_of

VARIABLE = "STOCKROOM_TEST_RECORD"
# Bytes. Longer bodies are uploads, the contract itself and Swagger UI; no gate needs to see them again.
LONGEST_BODY = 65_536
_HOST = re.compile("^https?://[^/]*")


@dataclass(frozen=True)
class Fact:
    """One request and its answer, as they were on the wire.

    `path` is percent-decoded, `query` as sent; names of headers are lower-case. A fact that is not `whole`
    has lost the body, or both, that was longer than LONGEST_BODY.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer_body: bytes
    whole: bool = True


class Recorder:
    """Writes facts into a folder, each *kind* of fact once: what `kinds_of` cannot tell apart is one fact.

    Each process has a file of its own and writes each line at once: parallel workers do not meet, and a run
    that crashes keeps what it had.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kinds: set[int] = set()

    def record(self, fact: Fact) -> None:
        fact = _bounded(fact)
        new = {hash(kind) for kind in kinds_of(fact)} - self._kinds
        if new:
            self._kinds |= new
            # One write of a line in append mode: threads and forks do not tear each other's lines.
            with (self._folder / f"{os.getpid()}.jsonl").open("ab", buffering=0) as file:
                file.write(_line(fact))


@cache
def _recorder() -> Recorder | None:
    folder = os.environ.get(VARIABLE)
    return Recorder(Path(folder)) if folder else None


def record(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    status: int,
    answer_headers: Mapping[str, str],
    answer_body: bytes,
) -> Fact:
    """Make a fact of a request and its answer, and record it where the environment asks for that.

    `url` is as sent, with a host or without.
    """
    # Not with urllib, which drops control characters and takes a path of two slashes for a host.
    path, _, query = _HOST.sub("", url).partition("?")
    asked, told = _lower(headers), _lower(answer_headers)
    fact = Fact(method, unquote(path), query, asked, body, status, told, answer_body)
    recorder = _recorder()
    if recorder:
        recorder.record(fact)
    return fact


def _bounded(fact: Fact) -> Fact:
    body, answer_body = (b if len(b) <= LONGEST_BODY else b"" for b in (fact.body, fact.answer_body))
    if (body, answer_body) == (fact.body, fact.answer_body):
        return fact
    return replace(fact, body=body, answer_body=answer_body, whole=False)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def read_facts(folder: Path) -> list[Fact]:
    """All facts in `folder`, each kind once for each process that recorded."""
    return list(_read(folder))


def _read(folder: Path) -> Iterator[Fact]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            members: dict[str, Any] = orjson.loads(line)
            for name in ("body", "answer_body"):
                members[name] = _bytes(members[name])
            yield Fact(**members)


def _line(fact: Fact) -> bytes:
    bodies = {"body": _text(fact.body), "answer_body": _text(fact.answer_body)}
    return orjson.dumps(vars(fact) | bodies, option=orjson.OPT_APPEND_NEWLINE)


def _text(body: bytes) -> str | dict[str, str]:
    """A body as text that people can read, or else in base64."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _bytes(text: str | dict[str, str]) -> bytes:
    return text.encode() if isinstance(text, str) else base64.b64decode(text["base64"])
