"""Who may call an operation, and how often."""

import math
from collections.abc import Iterator, Mapping

import limits

from tests.contract.gates.compatibility.findings import Both, Finding
from tests.contract.gates.compatibility.nodes import Node

Requirement = Mapping[str, list[str]]


def limit_changes(operation: Both) -> Iterator[Finding]:
    """A limit that refuses a client which kept to the one before it."""
    was, now = operation.before.get("x-rate-limit"), operation.after.get("x-rate-limit")
    if now and now != was and not (was and was["per"] == now["per"] and _allows(was["limit"], now["limit"])):
        yield operation.finding(f"x-rate-limit was {_limit(was)}, is {_limit(now)}", "x-rate-limit")


def _allows(old: str, new: str) -> bool:
    was, now = limits.parse(old), limits.parse(new)
    most = was.amount * math.ceil(now.get_expiry() / was.get_expiry())
    return most <= now.amount


def _limit(spec: Mapping[str, str] | None) -> str:
    return f"{spec['limit']} per {spec['per']}" if spec else "not set"


def security_changes(operation: Both) -> Iterator[Finding]:
    """Requirements that a client does not meet which met the ones before."""
    was, now = _requirements(operation.before), _requirements(operation.after)
    if not all(any(_meets(have, need) for need in now) for have in was):
        yield operation.finding(f"security was {_text(was)}, is {_text(now)}", "security")


def _requirements(operation: Node) -> list[Requirement]:
    """The alternatives; where there are none, one that asks for nothing."""
    given: list[Requirement] = operation.get("security", operation.document.raw.get("security", []))
    return given or [{}]


def _meets(have: Requirement, need: Requirement) -> bool:
    return all(scheme in have and set(scopes) <= set(have[scheme]) for scheme, scopes in need.items())


def _text(requirements: list[Requirement]) -> str:
    return " or ".join(
        " and ".join(" ".join([scheme, *scopes]) for scheme, scopes in entry.items()) or "open"
        for entry in requirements
    )


def scheme_changes(whole: Both) -> Iterator[Finding]:
    """Schemes whose clients no longer get in; the loss of one is told by the operations that asked for it."""
    before, after = whole.before.at("components"), whole.after.at("components")
    for name, scheme in before.items("securitySchemes"):
        if name in after.get("securitySchemes", {}):
            both = Both(f"security scheme {name}", scheme, after.at("securitySchemes", name))
            yield from both.differing("type", "in", "name", "scheme", "openIdConnectUrl")
            for kind, _ in scheme.items("flows"):
                yield from _flow(both.at("flows", kind, place=f"flow {kind}"))


def _flow(flow: Both) -> Iterator[Finding]:
    yield from flow.differing("authorizationUrl", "tokenUrl", "refreshUrl")
    for scope in flow.before.get("scopes", {}):
        if scope not in flow.after.get("scopes", {}):
            yield flow.finding(f"the scope {scope} is gone", "scopes")
