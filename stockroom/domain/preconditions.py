"""Preconditions: only callers who know the current state may change it (RFC 9110, 13.1.1)."""

import re

from stockroom.domain.errors import PreconditionFailed, PreconditionRequired

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# Empty members are allowed in lists (RFC 9110, 5.6.1).
_TAGS = re.compile(rf"[ \t]*(?:{_TAG}[ \t]*)?(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")
_EACH_TAG = re.compile(_TAG)


def require_match(if_match: str | None, etag: str) -> None:
    """Allow a change if `If-Match` names the current `etag`; call it once the thing is known to exist.

    Raises PreconditionRequired without the header, and PreconditionFailed if it names only other states.
    """
    if if_match is None:
        raise PreconditionRequired("Send the ETag of the state you are changing as If-Match, or `*`.")
    if not matches(if_match, etag):
        raise PreconditionFailed(f"It has changed in the meantime: its ETag is {etag} now.")


def matches(if_match: str, etag: str) -> bool:
    """Compare strongly (RFC 9110, 8.8.3.2): a weak tag matches nothing, `*` matches anything that exists."""
    if if_match.strip(" \t") == "*":
        return True
    return _TAGS.fullmatch(if_match) is not None and etag in _EACH_TAG.findall(if_match)
