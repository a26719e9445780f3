"""Versions on the wire: the ETag of each, and which of them an `If-Match` expects (RFC 9110, 13.1.1)."""

from stockroom.errors import PreconditionFailed, PreconditionRequired
from stockroom.http.entity_tags import matches_strongly
from stockroom.versions import Expected


def etag(version: int) -> str:
    """Write the strong validator of a version (RFC 9110, 8.8.3), quotes included."""
    return f'"v{version}"'


def expected_by(if_match: str | None) -> Expected:
    """Make the check that an action does once the thing is known to exist, and is locked.

    It raises PreconditionRequired without the header, and PreconditionFailed where that names other states
    only.
    """

    def require(version: int) -> None:
        if if_match is None:
            raise PreconditionRequired("Send the ETag of the state you are changing as If-Match, or `*`.")
        if not matches_strongly(if_match, etag(version)):
            raise PreconditionFailed(f"It has changed in the meantime: its ETag is {etag(version)} now.")

    return require
