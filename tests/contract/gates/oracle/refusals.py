"""Whether a request was refused that the contract lets in, or let in though the contract refuses it."""

from collections.abc import Iterator, Mapping
from typing import Any

from stockroom.contract.operations import IDEMPOTENCY_KEY
from stockroom.contract.problems import Catalogue, Problem
from tests.contract.gates.oracle.cases import Case

IF_MATCH = "if_match"

# Told whatever is asked: it cannot be read, it is one too many, or the service is not well.
ANY_TIME = frozenset({"malformed-request", "quota-exceeded", "unavailable"})
# What the contract refuses with, before a handler is asked.
OF_THE_CONTRACT = frozenset(
    {
        "content-too-large",
        "insufficient-scope",
        "unauthenticated",
        "unsupported-media-type",
        "validation-failed",
    }
)
# Refusals that are about a header of the request, by the header's argument.
ABOUT = {
    "precondition-failed": IF_MATCH,
    "idempotency-in-flight": IDEMPOTENCY_KEY,
    "idempotency-mismatch": IDEMPOTENCY_KEY,
}


def wrongly_answered(case: Case, problem: Problem, catalogue: Catalogue) -> Iterator[str]:
    """What is wrong with the answer to a request that the contract refuses with `problem`.

    It is the same to the byte: its `errors` tell the bounds that the service has held the values against.
    """
    if case.slug in ANY_TIME or _is_dead_token(case):
        return
    status, fact = catalogue.status(problem), case.fact
    if fact.status != status:
        yield f"it is refused with {problem.code} ({status}), and the answer is {fact.status} {case.slug}"
    elif fact.method != "HEAD" and fact.answer_body != catalogue.render(problem, fact.path):
        yield f"it is refused with {problem.detail!r} {problem.errors}, and is told {dict(case.problem)}"
    for name, text in problem.headers.items():
        if fact.answer_headers.get(name.lower()) != text:
            yield f"{name} is {text}, and {fact.answer_headers.get(name.lower())} in the answer"


def wrongly_refused(case: Case, values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the answer to a request that the contract lets in with `values`."""
    if case.slug in OF_THE_CONTRACT and not _is_handlers_own(case):
        told = case.problem.get("errors", case.problem["detail"])
        yield f"it is let in, and was refused with {case.slug}: {told}"
    if case.slug in ABOUT and values.get(ABOUT[case.slug]) is None:
        yield f"the answer is {case.slug}, and no {ABOUT[case.slug]} was asked for and sent"
    if case.slug == "precondition-required" and not _lacks_precondition(case, values):
        yield "the answer is precondition-required, and no If-Match is missing"
    if case.is_served and _lacks_precondition(case, values):
        yield "it was done, and If-Match is missing"


def _lacks_precondition(case: Case, values: Mapping[str, Any]) -> bool:
    return case.operation.takes(IF_MATCH) and values.get(IF_MATCH) is None


def _is_dead_token(case: Case) -> bool:
    """A token that claims what is needed may have expired or been revoked; a fact cannot tell."""
    sent = "authorization" in case.fact.headers
    return case.slug == "invalid-token" and case.operation.scopes is not None and sent


def _is_handlers_own(case: Case) -> bool:
    """The refusals that handlers give the contract's name to; this list is kept as short as can be."""
    if case.slug == "validation-failed":
        # A cursor belongs to one list in one order; the contract can say no more of it than its letters.
        return {error.get("parameter") for error in case.problem["errors"]} == {"cursor"}
    told: str = case.problem["detail"]
    if case.slug == "content-too-large":
        # How much of an account may wait is a setting, which may be less than what the contract lets in.
        return told.endswith(" all that wait to be imported of an account may.")
    # What is imported or exported decides about the scope that this needs.
    return case.slug == "insufficient-scope" and told.startswith(("Importing ", "Exporting "))
