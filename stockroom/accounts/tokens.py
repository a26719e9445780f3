"""Access tokens: JWTs of the profile in RFC 9068, signed with HS256 and good for ten minutes."""

import base64
import json
import re
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jwt import PyJWT, PyJWTError

from stockroom.accounts.model import USERNAME, Principal, scope_text
from stockroom.accounts.revocations import Revocations

LIFETIME = 600
"""Seconds from issue to expiry."""

_CLOCK_SKEW = 60
"""Seconds that the clock of another issuing process may be ahead. Expiry itself has no leeway."""

_MINIMUM_KEY = 32  # RFC 7518 section 3.2: at least as long as the hash.
_LONGEST = 4096
_HEADER = {"alg": "HS256", "typ": "at+jwt"}
_ISSUER = _AUDIENCE = "stockroom"
_CLAIMS = frozenset({"iss", "aud", "sub", "jti", "sid", "scope", "iat", "exp"})
_ALGORITHM = "HS256"

_VERIFIER = PyJWT(
    {
        "require": sorted(_CLAIMS),
        "strict_aud": True,
        "enforce_minimum_key_length": True,
        # PyJWT reads the system's clock, and takes times that are texts or fractions. `_is_within_time` is
        # given the clock that tokens are issued by.
        "verify_exp": False,
        "verify_iat": False,
    }
)

# Three segments, the last of exactly 256 bits: anything else is not ours and costs no decoding.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCOPE = re.compile(r"[a-z:]{1,40}( [a-z:]{1,40}){0,19}|")


class Tokens:
    """Issues and verifies access tokens, and remembers the verified ones until they expire.

    A signature is checked once a token and process; its expiry and its session's revocation at every use.
    """

    def __init__(self, key: bytes, revocations: Revocations, *, remembered: int = 10_000) -> None:
        if len(key) < _MINIMUM_KEY:
            raise ValueError(f"the token key has {len(key)} bytes; HS256 needs {_MINIMUM_KEY} or more")
        self._key = key
        self._revocations = revocations
        self._remembered = remembered
        self._known: dict[str, tuple[Principal, int]] = {}
        self._lock = threading.Lock()

    def issue(self, username: str, sid: str, scopes: frozenset[str], now: datetime) -> str:
        issued = int(now.timestamp())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": username,
            "jti": secrets.token_urlsafe(16),
            "sid": sid,
            "scope": scope_text(scopes),
            "iat": issued,
            "exp": issued + LIFETIME,
        }
        return _VERIFIER.encode(claims, self._key, _ALGORITHM, {"typ": "at+jwt"})

    def verify(self, token: str, now: float) -> Principal | None:
        """Whose token this is, if it is good at `now` (seconds since the epoch); it never raises."""
        known = self._known.get(token) or self._read(token, now)
        if known is None:
            return None
        principal, expires = known
        if expires <= now:
            with self._lock:
                self._known.pop(token, None)
            return None
        return None if self._revocations.is_revoked(principal.session) else principal

    def _read(self, token: str, now: float) -> tuple[Principal, int] | None:
        if len(token) > _LONGEST or not _SHAPE.fullmatch(token):
            return None
        try:
            parts = _VERIFIER.decode_complete(
                token, self._key, algorithms=[_ALGORITHM], audience=_AUDIENCE, issuer=_ISSUER
            )
            _require_distinct(token)
        except (PyJWTError, ValueError, RecursionError):
            return None
        claims = parts["payload"]
        # Equal to the one header we write: no other type, no `crit`, nothing that a later library might obey.
        if parts["header"] != _HEADER or not _is_ours(claims) or not _is_within_time(claims, now):
            return None
        principal = Principal(claims["sub"], frozenset(claims["scope"].split()), claims["sid"])
        known = principal, claims["exp"]
        self._remember(token, known)
        return known

    def _remember(self, token: str, known: tuple[Principal, int]) -> None:
        with self._lock:
            while len(self._known) >= self._remembered:
                # Dictionaries keep the order of insertion: the first is the oldest.
                self._known.pop(next(iter(self._known)), None)
            self._known[token] = known


_TEXTS: Mapping[str, re.Pattern[str]] = {"sub": USERNAME, "jti": _ID, "sid": _ID, "scope": _SCOPE}


def _is_ours(claims: Mapping[str, Any]) -> bool:
    """Whether there are the claims that we issue and no others, each text in its form."""
    return claims.keys() == _CLAIMS and all(
        isinstance(claims[name], str) and pattern.fullmatch(claims[name]) is not None
        for name, pattern in _TEXTS.items()
    )


def _is_within_time(claims: Mapping[str, Any], now: float) -> bool:
    """Whether the token has been issued, for no longer than ours live, and has not expired before it was."""
    issued, expires = claims["iat"], claims["exp"]
    # `type` and not `isinstance`: a bool is an int, and 1.7e9 is not a time we ever write.
    if type(issued) is not int or type(expires) is not int:
        return False
    return 0 <= issued <= now + _CLOCK_SKEW and issued < expires <= issued + LIFETIME


def _require_distinct(token: str) -> None:
    """Raises ValueError when a claim is given twice; PyJWT takes the last of them."""
    payload = token.split(".")[1]
    json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a claim is given twice")
    return members
