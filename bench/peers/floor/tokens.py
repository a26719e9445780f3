"""The floor's passwords and tokens: JWTs of one form, signed with HMAC-SHA256."""

import asyncio
import base64
import hmac
import os
import time
from contextlib import suppress

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

KEY = os.environ["JWT_KEY"].encode()
LIFETIME = 600
"""Seconds."""
HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
SCOPES = "items:read items:write stock:read stock:write"

passwords = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


async def fits(password: str, stored: str) -> bool:
    """Whether it is the password; found out in a thread."""
    try:
        return await asyncio.to_thread(passwords.verify, stored, password)
    except VerificationError:
        return False


def create(username: str) -> str:
    claims = {"sub": username, "scope": SCOPES, "exp": int(time.time()) + LIFETIME}
    signed = HEADER + b"." + base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=")
    return (signed + b"." + _signature(signed)).decode()


def user(authorization: bytes) -> str | None:
    """The user of the token, once its signature and its expiry have been checked."""
    with suppress(ValueError):
        signed, signature = authorization.removeprefix(b"Bearer ").rsplit(b".", 1)
        if hmac.compare_digest(_signature(signed), signature):
            header, payload = signed.split(b".")
            claims = orjson.loads(base64.urlsafe_b64decode(payload + b"=="))
            if header == HEADER and claims["exp"] > time.time():
                return str(claims["sub"])
    return None


def _signature(signed: bytes) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(KEY, signed, "sha256")).rstrip(b"=")
