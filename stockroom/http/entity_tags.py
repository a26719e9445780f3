"""Entity tags (RFC 9110, 8.8.3): the one place where `If-Match` and `If-None-Match` are read."""

import re

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# Empty members are allowed in lists (RFC 9110, 5.6.1).
_TAGS = re.compile(rf"[ \t]*(?:{_TAG}[ \t]*)?(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")
_EACH_TAG = re.compile(_TAG)


def matches_strongly(if_match: str, etag: str) -> bool:
    """Whether an `If-Match` names a strong `etag` (13.1.1): `*` names whatever exists, a weak tag nothing."""
    return _is_star(if_match) or etag in _tags(if_match)


def is_known(etag: str | None, if_none_match: str | None) -> bool:
    """Whether an `If-None-Match` names `etag`, weak or not (13.1.2). None stands for one that is missing."""
    if if_none_match is None or etag is None:
        return False
    if if_none_match == etag or _is_star(if_none_match):
        return True
    return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in _tags(if_none_match))


def _is_star(given: str) -> bool:
    return given.strip(" \t") == "*"


def _tags(given: str) -> list[str]:
    """The tags of a list; none if it is malformed."""
    return _EACH_TAG.findall(given) if _TAGS.fullmatch(given) else []
