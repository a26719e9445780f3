"""Problems (RFC 9457): the contract's catalogue of types, and what is raised to answer with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20


class Problem(Exception):
    """An answer that refuses. `code` is a slug of the catalogue, which alone knows its status and title."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.members = dict(members or {})


def unavailable(detail: str, *, seconds: int = 1) -> Problem:
    """Nothing is wrong with the request; it may be sent again in so many seconds."""
    return Problem("unavailable", detail, headers={"Retry-After": str(seconds)})


@dataclass(frozen=True)
class ProblemType:
    """An entry of the catalogue, as it is served."""

    type: str
    title: str
    status: int
    description: str


@dataclass(frozen=True)
class Catalogue:
    """All problem types by slug."""

    types: Mapping[str, ProblemType] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Mapping[str, Mapping[str, Any]]) -> "Catalogue":
        return cls({slug: ProblemType(type=f"/problems/{slug}", **entry) for slug, entry in entries.items()})

    def status(self, problem: Problem) -> int:
        return self.types[problem.code].status

    def render(self, problem: Problem, instance: str) -> bytes:
        """The body of `problem`; `instance` is the path of the request."""
        kind = self.types[problem.code]
        body: dict[str, Any] = {
            "type": kind.type,
            "title": kind.title,
            "status": kind.status,
            "detail": problem.detail[:1000],
            "instance": instance[:2000],
        }
        if problem.errors:
            body["errors"] = list(problem.errors[:MAX_ERRORS])
        return orjson.dumps(body | problem.members)
