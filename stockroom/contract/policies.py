"""What a contract must say to be run: every policy has the answers it can cause, every name a meaning."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stockroom.contract.deprecation import deprecation_faults
from stockroom.contract.document import ContractError, ContractFault, Document
from stockroom.contract.operations import METHODS
from stockroom.contract.problem_types import PROBLEM, check_catalogue, check_problem_types

EXTENSIONS = {"x-rate-limit", "x-cache", "x-deprecation"}
SEGMENT = re.compile(r"\{[^{}]*\}")
RATE = re.compile(r"[1-9][0-9]{0,6}/(second|minute|hour|day)")


def check_policies(document: Document) -> None:
    """Raises ContractError with a line for each promise that could not be kept."""
    rules = (_operations, _paths, check_catalogue, check_problem_types, deprecation_faults)
    # What operations share is told of once.
    faults = dict.fromkeys(fault for rule in rules for fault in rule(document))
    if faults:
        raise ContractError("\n".join(document.fault(pointer, message) for pointer, message in faults))


def _operations(document: Document) -> Iterator[ContractFault]:
    seen: set[str] = set()
    for path, methods in document.raw["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            shared, own = methods.get("parameters", []), methods[method].get("parameters", [])
            pointer, spec = ("paths", path, method), methods[method] | {"parameters": [*shared, *own]}
            if "operationId" not in spec:
                yield pointer, "the operation has no operationId"
            elif spec["operationId"] in seen:
                yield (*pointer, "operationId"), f"{spec['operationId']} is there twice"
            seen.add(spec.get("operationId", ""))
            if _path_parameters(document, spec) != set(re.findall(r"\{([^}]*)\}", path)):
                yield pointer, "the parameters in the path are not those that the operation declares"
            for rule in (_extensions, _request, _responses, _security, _caused):
                for below, message in rule(document, spec):
                    yield (*pointer, *below), message


def _path_parameters(document: Document, spec: Mapping[str, Any]) -> set[str]:
    parameters = [document.resolve(entry) for entry in spec["parameters"]]
    return {parameter["name"] for parameter in parameters if parameter["in"] == "path"}


def _extensions(document: Document, spec: Mapping[str, Any]) -> Iterator[ContractFault]:
    for name in spec.keys() - EXTENSIONS:
        if name.startswith("x-"):
            yield (name,), f"the policy {name} is not known"
    if "x-rate-limit" in spec:
        yield from _rate_limit(document, spec, spec["x-rate-limit"])
    if "x-cache" in spec and not _is_cache_policy(spec["x-cache"]):
        yield ("x-cache",), "x-cache needs whole seconds and vary, a list of role or user"


def _is_cache_policy(cache: Any) -> bool:
    if not isinstance(cache, dict) or set(cache) != {"seconds", "vary"}:
        return False
    seconds, vary = cache["seconds"], cache["vary"]
    is_vary = isinstance(vary, list) and all(kind in ("role", "user") for kind in vary)
    return is_vary and type(seconds) is int and seconds > 0


def _rate_limit(document: Document, spec: Mapping[str, Any], rate: Any) -> Iterator[ContractFault]:
    if not isinstance(rate, dict) or set(rate) != {"limit", "per"}:
        yield ("x-rate-limit",), "x-rate-limit needs a limit, such as 5/minute, and per, which is ip or user"
        return
    if not RATE.fullmatch(str(rate["limit"])):
        yield ("x-rate-limit", "limit"), f"{rate['limit']!r} is no limit such as 5/minute"
    if rate["per"] not in ("ip", "user"):
        yield ("x-rate-limit", "per"), "a limit is per ip or per user"
    if rate["per"] == "user" and not _security_of(document, spec):
        yield ("x-rate-limit", "per"), "without security there is no user to count by"
    if rate["per"] == "ip" and _security_of(document, spec):
        yield ("x-rate-limit", "per"), "callers who are known are counted one by one, not by their address"


def _request(document: Document, spec: Mapping[str, Any]) -> Iterator[ContractFault]:
    if "requestBody" in spec and not document.resolve(spec["requestBody"]).get("required"):
        yield ("requestBody",), "a body is never left out: without one there is no media type, which is a 415"
    for parameter in map(document.resolve, spec["parameters"]):
        is_list = document.resolve(parameter.get("schema", {})).get("type") == "array"
        if is_list and parameter["in"] == "query" and parameter.get("explode", True):
            yield ("parameters",), f"the list {parameter['name']} is one parameter, so explode is false"


def _responses(document: Document, spec: Mapping[str, Any]) -> Iterator[ContractFault]:
    if sum(str(status).startswith("2") for status in spec["responses"]) != 1:
        yield ("responses",), "an operation has exactly one success, for a handler does not choose"
    for status, entry in spec["responses"].items():
        if not re.fullmatch("[2-5][0-9]{2}", str(status)):
            yield ("responses", status), f"{status} is no status; ranges and defaults would promise anything"
            continue
        content = document.resolve(entry).get("content", {})
        if str(status)[0] in "45" and list(content) != [PROBLEM]:
            yield ("responses", status), f"an error is answered as {PROBLEM}"


def _security(document: Document, spec: Mapping[str, Any]) -> Iterator[ContractFault]:
    schemes = document.raw.get("components", {}).get("securitySchemes", {})
    for entry in _security_of(document, spec):
        if not entry:
            yield ("security",), "an operation asks for a token or it does not; `{}` would be both"
        for name, scopes in entry.items():
            flows = schemes[name].get("flows", {}).values() if name in schemes else ()
            known = {scope for flow in flows for scope in flow["scopes"]}
            if name not in schemes:
                yield ("security",), f"the security scheme {name} is not known"
            for scope in set(scopes) - known:
                yield ("security",), f"the scope {scope} is not known"


def _caused(document: Document, spec: Mapping[str, Any]) -> Iterator[ContractFault]:
    """The answers that policies cause, as far as the operation does not declare them."""
    declared = [document.resolve(entry) for entry in spec.get("parameters", [])]
    parameters = {parameter["name"] for parameter in declared}
    in_path = [document.resolve(entry.get("schema", {})) for entry in declared if entry["in"] == "path"]
    security = _security_of(document, spec)
    causes = [
        ("any request can be malformed", True, ("400",)),
        ("it asks for a token", bool(security), ("401",)),
        ("it asks for scopes", any(scopes for entry in security for scopes in entry.values()), ("403",)),
        ("its path holds one of an enum", any("enum" in schema for schema in in_path), ("404",)),
        ("it takes a body", "requestBody" in spec, ("413", "415")),
        ("it takes If-Match", "If-Match" in parameters, ("412", "428")),
        ("it takes If-None-Match", "If-None-Match" in parameters, ("304",)),
        ("it takes an Idempotency-Key", "Idempotency-Key" in parameters, ("409", "422")),
        ("it has x-rate-limit", "x-rate-limit" in spec, ("429",)),
    ]
    for because, holds, statuses in causes:
        for status in statuses:
            if holds and status not in spec["responses"]:
                yield ("responses",), f"{because} and declares no {status}"
    yield from _headers(document, spec)


def _headers(document: Document, spec: Mapping[str, Any]) -> Iterator[ContractFault]:
    needed: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
        "401": lambda headers: "WWW-Authenticate" in headers,
        "429": lambda headers: {"Retry-After", "RateLimit", "RateLimit-Policy"} <= headers.keys(),
        "503": lambda headers: "Retry-After" in headers,
    }
    for status, holds in needed.items():
        if status in spec["responses"] and not holds(
            document.resolve(spec["responses"][status]).get("headers", {})
        ):
            yield ("responses", status), f"the {status} lacks a header it always has"
    if "304" in spec["responses"]:
        yield from _not_modified(document, spec["responses"])


def _not_modified(document: Document, responses: Mapping[str, Any]) -> Iterator[ContractFault]:
    """A 304 has the headers of the answer that it stands for, and its ETag in any case."""
    needed, declared = {"ETag"}, document.resolve(responses["304"]).get("headers", {})
    for status, entry in responses.items():
        if str(status).startswith("2"):
            needed |= document.resolve(entry).get("headers", {}).keys()
    for name in sorted(needed - declared.keys()):
        yield ("responses", "304"), f"the 304 lacks {name}, which the answer has that it stands for"


def _paths(document: Document) -> Iterator[ContractFault]:
    """A request is of one path: static ones stand before templated ones, and no two are as good a match."""
    before: list[str] = []
    for path in document.raw["paths"]:
        for earlier in before:
            if template_pattern(earlier).fullmatch(path):
                yield ("paths", path), f"{path} is never reached: {earlier} stands before it and matches too"
            elif _are_rivals(earlier, path):
                yield ("paths", path), f"{path} and {earlier} can match the same request"
        before.append(path)
        if path != "/" and path.endswith("/"):
            yield ("paths", path), "a path does not end with a slash"
        if any("{" in segment and not SEGMENT.fullmatch(segment) for segment in path.split("/")):
            yield ("paths", path), "a parameter is a whole segment of its path"


def _are_rivals(one: str, other: str) -> bool:
    """Whether both match some request and each is the more literal one somewhere."""
    pairs = list(zip(one.split("/"), other.split("/"), strict=False))
    if one.count("/") != other.count("/") or any(
        a != b and not SEGMENT.fullmatch(a) and not SEGMENT.fullmatch(b) for a, b in pairs
    ):
        return False
    templated = [(SEGMENT.fullmatch(a) is not None, SEGMENT.fullmatch(b) is not None) for a, b in pairs]
    return (True, False) in templated and (False, True) in templated


def template_pattern(path: str) -> re.Pattern[str]:
    """What matches a templated path: a parameter is one segment."""
    return re.compile(
        "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", path)
        )
    )


def _security_of(document: Document, spec: Mapping[str, Any]) -> list[dict[str, list[str]]]:
    security: list[dict[str, list[str]]] = spec.get("security", document.raw.get("security", []))
    return security
