"""Database URLs: what a setting may be, and what is made of it for SQLAlchemy."""

import re

import sqlalchemy as sa

_LAST_PORT = 65_535
_ESCAPES = "in a password write @ / : as %40 %2F %3A"


def known(value: str) -> str:
    """The URL as SQLAlchemy and asyncpg have it.

    Raises ValueError with a sentence that repeats nothing of it: any part may be of a password.
    """
    # What libpq and most hosting calls a PostgreSQL URL means asyncpg here.
    value = re.sub(r"^postgres(ql)?://", "postgresql+asyncpg://", value)
    url = _parsed(value)
    if not value.startswith(("sqlite:///", "postgresql+asyncpg://")):
        raise ValueError("use sqlite:///path or postgresql://user:password@host/name")
    if url.drivername != "sqlite":
        url = _as_asyncpg_has_it(url)
    elif url.database in {None, "", ":memory:"}:
        raise ValueError("a database in memory cannot be shared between processes; name a file")
    return url.render_as_string(hide_password=False)


def _parsed(value: str) -> sa.URL:
    try:
        url = sa.make_url(value)
    except (sa.exc.ArgumentError, ValueError):
        raise _no_url() from None
    if not 0 <= (url.port or 0) <= _LAST_PORT:
        raise _no_url()
    # SQLAlchemy ends a password at the first of them.
    is_astray = value.count("@") > 1 or "@" in f"{url.host}{url.database}"
    if url.drivername != "sqlite" and is_astray:
        raise ValueError(f"an @ may stand before the host alone; {_ESCAPES}")
    return url


def _as_asyncpg_has_it(url: sa.URL) -> sa.URL:
    """The URL with libpq's `sslmode` by asyncpg's name for it; others of libpq's would be lost in silence."""
    query = {"ssl" if name == "sslmode" else name: value for name, value in url.query.items()}
    if unknown := sorted(query.keys() - {"host", "port", "ssl"}):
        raise ValueError(f"{unknown[0]} is not known in the URL; sslmode, host and port are")
    url = url.set(query=query)
    try:
        _, places = url.get_dialect()().create_connect_args(url)
        for host in _listed(places.get("host")):
            # As the system will when it looks for it; a path is that of a socket.
            if not host.startswith("/"):
                host.encode("idna")
    except (sa.exc.ArgumentError, ValueError):
        raise ValueError("its host or port is none") from None
    return url


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _no_url() -> ValueError:
    return ValueError(f"this is no database URL; {_ESCAPES}")
