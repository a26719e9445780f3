"""Attacks with access tokens (RFC 7519, RFC 8725) that others might take for ours."""

import base64
import hashlib
import hmac
from random import Random
from typing import Any

import orjson

from tests.fuzz.hostile.attacks import Attack, Family, Plain, one

HEADERS: tuple[dict[str, Any], ...] = (
    {"alg": "none", "typ": "at+jwt"}, {"alg": "None", "typ": "at+jwt"}, {"alg": "HS256", "typ": "JWT"}, {},
    {"alg": "HS256", "typ": "at+jwt"}, {"alg": "HS512", "typ": "at+jwt"}, {"alg": "RS256", "typ": "at+jwt"},
    {"alg": "HS256", "typ": "at+jwt", "crit": ["x"], "x": 1}, {"alg": ["HS256"], "typ": {}}, {"alg": None},
    {"alg": "HS256", "typ": "at+jwt", "kid": "../../dev/null"},
    {"alg": "HS256", "jku": "http://127.0.0.1/k"}, {"alg": "HS256", "jwk": {"kty": "oct", "k": ""}},
    {"alg": "HS256", "zip": "DEF"}, {"alg": "HS256", "b64": False},
)  # fmt: skip
OURS: dict[str, Any] = {
    "iss": "stockroom",
    "aud": "stockroom",
    "sub": "admin",
    "jti": "j",
    "sid": "s",
    "scope": "items:read users:manage",
    "iat": 1_790_000_000,
    "exp": 1_990_000_000,
}
# In the place of all of ours, or of some.
CLAIMS: tuple[Any, ...] = (
    {}, [], None, 0, "x", {"exp": 10**18}, {"exp": "never"}, {"exp": -1}, {"exp": None}, {"exp": 1e308},
    {"iat": []}, {"nbf": 10**12}, {"aud": ["stockroom", 1]}, {"aud": None}, {"iss": {}}, {"sub": "admin\0"},
    {"sub": []}, {"sub": ""}, {"scope": "users:manage " * 300}, {"scope": ["users:manage"]},
    {"jti": "x" * 5_000}, {"sid": {"$ne": 1}}, {"a": "b"},
)  # fmt: skip


def forged(rng: Random, plain: Plain, id: str) -> Attack:
    """A token of our form, with a signature by another key or none."""
    claims = rng.choice(CLAIMS)
    if isinstance(claims, dict):
        claims = OURS | claims
    message = _segment(orjson.dumps(rng.choice(HEADERS))) + b"." + _segment(orjson.dumps(claims))
    keys = (b"", b"secret", b"a" * 64, b"stockroom", b"-----BEGIN PUBLIC KEY-----")
    signature = _segment(hmac.digest(rng.choice(keys), message, hashlib.sha256))
    return _bearing("forged token", plain, id, message + b"." + rng.choice((signature, b"", b"A" * 43)))


def malformed(rng: Random, plain: Plain, id: str) -> Attack:
    segment = rng.choice(
        (b"e30", b"e", b"=", b"!", b"e30=", b"eyJ" + b"a" * 3_000, b"W" * 4_000, _segment(b"[" * 900))
    )
    token = b".".join(rng.choice((segment, b"e30", b"")) for _ in range(rng.randrange(1, 7)))
    return _bearing("malformed token", plain, id, token)


def altered(rng: Random, plain: Plain, id: str) -> Attack:
    """The good token with one character left out or put in."""
    ours = b"".join(value for _, value in plain.authorization).removeprefix(b"Bearer ") or b"e30.e30.e30"
    at = rng.randrange(len(ours))
    token = rng.choice(
        (ours[:at] + b"-" + ours[at:], ours[:at] + ours[at + 1 :], ours + b".", b"." + ours, ours + b"=")
    )
    return _bearing("altered token", plain, id, token)


FAMILIES: tuple[Family, ...] = (forged, malformed, altered)


def _segment(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _bearing(family: str, plain: Plain, id: str, token: bytes) -> Attack:
    return one(family, plain.having((b"Authorization", b"Bearer " + token)), id)
