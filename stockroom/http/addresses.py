"""Addresses of clients: who is asking, as far as it can be believed, and what counts as one caller."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

# Some proxies write a port (Azure's, IIS), and IPv6 addresses then stand in brackets (RFC 7239, 6).
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]*)?|([^:\[\]]*):[0-9]*")


def client_of(scope: Scope, trusted_proxies: int) -> str:
    """The address of the client; empty where the server knows none.

    It is taken from that far back in X-Forwarded-For, or from the connection itself where there are no
    proxies of ours, or they say less than they should, or no address.
    """
    address = str(scope["client"][0]) if scope.get("client") else ""
    if not trusted_proxies:
        return address
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for" and value]
    hops = b",".join(forwarded).decode("latin-1").split(",")
    # Fewer than there are proxies: one of them was passed by.
    return (forwarded_address(hops[-trusted_proxies]) if len(hops) >= trusted_proxies else "") or address


@lru_cache(maxsize=1024)
def forwarded_address(entry: str) -> str:
    """The address in an entry of X-Forwarded-For, without port and zone; empty where there is none."""
    entry = entry.strip()
    if found := _WITH_PORT.fullmatch(entry):
        entry = found[1] or found[2]
    try:
        return str(ip_address(entry.partition("%")[0]))
    except ValueError:
        return ""


@lru_cache(maxsize=1024)
def network_of(client: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has to himself."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return client
