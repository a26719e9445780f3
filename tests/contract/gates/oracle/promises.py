"""Whether an answer keeps the promises of its operation: limits, caching, conditions, defaults."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from stockroom.accounts.beginning import Beginning
from stockroom.contract.operations import IF_NONE_MATCH, POLICY, RateLimit
from stockroom.contract.parameters import Parameter
from stockroom.http.conditional import conditional
from stockroom.http.replies import Reply
from tests.contract.gates.oracle.cases import Case
from tests.contract.gates.prove_limits import lowered_operation

MAX_AGE = re.compile(r"max-age=([0-9]+)")
# Where requests end that are counted for each user.
AT_SECURITY = frozenset({"unauthenticated", "invalid-token"})


def broken_promises(case: Case, values: Mapping[str, Any] | None, refused: str | None) -> Iterator[str]:
    """What of the answer is not as promised; `values` are the request's, if the contract lets it in.

    `refused` is the slug of the problem that the contract refuses it with, if it does not.
    """
    yield from _limit(case, refused)
    if case.is_served:
        yield from _cache(case)
    if case.is_served and values is not None:
        yield from _condition(case, values)
        yield from _defaults(case, values)


def _limit(case: Case, refused: str | None) -> Iterator[str]:
    told, rule = case.fact.answer_headers.get("ratelimit-policy"), case.operation.rate_limit
    # Proofs of large limits ask a service where these are lowered.
    policies = [_policy(rule), _policy(lowered_operation(case.operation).rate_limit)] if rule else []
    counted = rule is not None and (rule.per == "ip" or refused not in AT_SECURITY)
    if told is None and counted and not _is_of_nobody(case):
        yield f"RateLimit-Policy is missing, and {policies[0]} is promised"
    if told is not None and not (told in policies and counted):
        yield f"RateLimit-Policy is {told}, and {policies[0] if counted else 'none'} is promised"


def _is_of_nobody(case: Case) -> bool:
    """Whether the answer was given before it was known for whom the request is to be counted."""
    waits = case.slug == "unavailable" and case.problem["detail"] == Beginning.refusal().detail
    return waits or case.slug in ("malformed-request", "invalid-token")


def _policy(rule: RateLimit | None) -> str | None:
    return f'"{POLICY}";q={rule.quota};w={rule.window}' if rule else None


def _cache(case: Case) -> Iterator[str]:
    found = MAX_AGE.search(case.fact.answer_headers.get("cache-control", ""))
    told, cache = int(found[1]) if found else None, case.operation.cache
    if told != (cache.seconds if cache else None):
        yield f"max-age is {told}, and {cache} is promised"


def _condition(case: Case, values: Mapping[str, Any]) -> Iterator[str]:
    etag = case.fact.answer_headers.get("etag")
    reply = Reply(case.operation.success, {"ETag": etag} if etag else {}, b"")
    due = conditional(reply, {IF_NONE_MATCH: values.get(IF_NONE_MATCH)}).status
    if case.fact.status != due:
        yield f"the status is {case.fact.status}; for what If-None-Match says it is {due}"


def _defaults(case: Case, values: Mapping[str, Any]) -> Iterator[str]:
    """What has a default comes back in the answer, or in the URL of the next page, as it was taken."""
    if case.fact.answer_headers.get("content-type") != "application/json" or not case.fact.answer_body:
        return
    answer = orjson.loads(case.fact.answer_body)
    following = dict(parse_qsl(urlsplit(answer.get("next") or "").query))
    for parameter in case.operation.parameters:
        if parameter.default is None:
            continue
        taken = values[parameter.argument]
        if answer.get(parameter.name, taken) != taken or _reread(parameter, following, taken) != taken:
            yield f"{parameter.name} is {taken!r}, and another in the answer"


def _reread(parameter: Parameter, query: Mapping[str, str], otherwise: Any) -> Any:
    return parameter.read(query[parameter.name]) if parameter.name in query else otherwise
