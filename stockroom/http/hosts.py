"""What may stand in the header Host: a host, with or without a port, or nothing (RFC 3986, 3.2.2, 3.2.3)."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

_LAST_PORT = 65_535
_HOST = re.compile(
    rb"(?:\[([0-9A-Za-z:._~!$&'()*+,;=-]+)\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]++|%[0-9A-Fa-f]{2})*+)"
    # No number of a port has more digits, but for zeros before it.
    rb"(?::0*+([0-9]{0,5}))?"
)
_FUTURE = re.compile(rb"(?i)v[0-9a-f]+\..+")


# A service is asked for by few names; and each may be as long as all headers together.
@lru_cache(maxsize=64)
def is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    if not found:
        return False
    literal, port = found.groups()
    return (literal is None or _is_address(literal)) and (not port or int(port) <= _LAST_PORT)


def _is_address(literal: bytes) -> bool:
    """Whether what stands in brackets is an IPv6 address, or one of a version to come."""
    if _FUTURE.fullmatch(literal):
        return True
    try:
        IPv6Address(literal.decode())
    except AddressValueError:
        return False
    return True
