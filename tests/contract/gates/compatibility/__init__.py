"""Breaking changes: what a client of the last release could do or rely on, and can no longer."""

from collections.abc import Iterator
from datetime import date

from stockroom.contract.document import Document
from tests.contract.gates.compatibility.access import scheme_changes
from tests.contract.gates.compatibility.comparer import Comparer
from tests.contract.gates.compatibility.findings import Both, Finding
from tests.contract.gates.compatibility.nodes import Node
from tests.contract.gates.compatibility.operations import operation_changes


def breaking_changes(before: Document, after: Document, today: date) -> list[str]:
    """What breaks clients of `before` in `after`, a line each, as `file:line: fault (place)`.

    What `before` declares deprecated, with a sunset that lies before `today`, may be gone or have changed.
    What else counts as breaking, and what does not, is decided in docs/adr/0011.
    """
    whole = Both("the contract", Node.root(before), Node.root(after))
    places: dict[str, list[str]] = {}
    for finding in _findings(whole, Comparer(today)):
        fault = after.fault(finding.pointer, finding.message)
        places.setdefault(fault, []).append(finding.place)
    return [f"{fault} ({_listed(found)})" for fault, found in places.items()]


def _findings(whole: Both, comparer: Comparer) -> Iterator[Finding]:
    yield from whole.differing("servers")
    yield from operation_changes(whole, comparer)
    yield from scheme_changes(whole)
    yield from _problem_changes(whole)


def _problem_changes(whole: Both) -> Iterator[Finding]:
    """Types of problem that clients may wait for and that are called or answered otherwise."""
    now = whole.after.get("x-problems", {})
    for slug, problem in whole.before.items("x-problems"):
        if slug not in now:
            yield whole.finding(f"the problem {slug} is gone", "x-problems")
        elif now[slug]["status"] != problem.get("status"):
            message = f"the problem {slug} was answered with {problem.get('status')}"
            yield whole.finding(message, "x-problems", slug, "status")


def _listed(places: list[str]) -> str:
    return places[0] + (f", and {len(places) - 1} more places" if len(places) > 1 else "")
