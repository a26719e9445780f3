"""URLs as they may be shown: without their passwords, however these stand there."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

MASK = "********"

# There is nobody to log in to.
_LOCAL = frozenset({"file", "filesystem", "local", "sqlite"})
# Parameters whose values are nobody's secret, if they look like none.
_HARMLESS = frozenset({"db", "host", "mode", "port", "ssl", "ssl_cert_reqs", "sslmode", "timeout"})
_PLAIN = re.compile(r"[\w.-]{1,40}")


def masked(url: str) -> str:
    """The URL with its password masked, and with it whatever cannot be told from one."""
    scheme, _, rest = url.partition("://")
    try:
        # Those of schemes that urllib does not know are read alike this way.
        parts = urlsplit(f"//{rest}")
        is_whole = scheme in _LOCAL or _is_whole(parts)
    except ValueError:
        is_whole = False
    if not is_whole:
        return f"{scheme}://{MASK}"
    query = "&".join(_masked_parameters(parts.query))
    shown = f"{scheme}://{_masked_authority(scheme, parts.netloc)}{parts.path}"
    return f"{shown}{f'?{query}' if query else ''}{f'#{MASK}' if parts.fragment else ''}"


def _is_whole(parts: SplitResult) -> bool:
    """Whether no part of a password is taken for something else; a slash in one ends the authority, say.

    Raises ValueError where a password is taken for a port.
    """
    behind = f"{parts.path}{parts.query}{parts.fragment}"
    return "@" not in behind and (parts.port is None or bool(parts.hostname))


def _masked_authority(scheme: str, authority: str) -> str:
    user, at, host = authority.rpartition("@")
    name, colon, _ = user.partition(":")
    if at and not colon and not scheme.startswith("postgres"):
        # For Redis it is a password that some people put there.
        name = MASK
    return f"{name}{colon}{MASK if colon else ''}{at}{host}"


def _masked_parameters(query: str) -> Iterator[str]:
    for parameter in query.split("&") if query else ():
        name, equals, value = parameter.partition("=")
        if not equals:
            yield MASK
        elif name in _HARMLESS and _PLAIN.fullmatch(value):
            yield parameter
        else:
            yield f"{name}={MASK}"
