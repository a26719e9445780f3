"""What clients read: statuses, headers, media types and bodies that they were not told of."""

from collections.abc import Iterator
from dataclasses import replace

from stockroom.contract.document import Pointer
from stockroom.contract.operations import HTML, JSON
from stockroom.contract.problems import MEDIA_TYPE as PROBLEM
from tests.contract.gates.compatibility.comparer import Comparer
from tests.contract.gates.compatibility.findings import Both, Finding
from tests.contract.gates.compatibility.keywords import Breaks

# Answers to clients that asked for them, by a condition of their own.
ASKED_FOR = {"304"}
# Asks for what no client of before sends.
ASKS = {"428"}


class Answers:
    """Compares answers, and those that operations share only once."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._found: dict[tuple[Pointer, Pointer], list[Finding]] = {}

    def changes(self, operation: Both) -> Iterator[Finding]:
        was, now = operation.before.get("responses"), operation.after.get("responses")
        for status in was:
            if status in now:
                yield from self._answer(operation.at("responses", status, place=status))
            else:
                yield operation.finding(f"the {status} is gone", "responses")
        for status in (status for status in now if status not in was):
            # Of any other error a client knows what to do by its class (RFC 9110, 15).
            if status in ASKS or (status[0] in "23" and status not in ASKED_FOR):
                yield operation.finding(f"the {status} is new", "responses", status)

    def _answer(self, answer: Both) -> Iterator[Finding]:
        key = (answer.before.pointer, answer.after.pointer)
        if key not in self._found:
            self._found[key] = list(_answer(replace(answer, place=""), self._comparer))
        for finding in self._found[key]:
            yield replace(finding, place=f"{answer.place}{finding.place}")


def _answer(answer: Both, comparer: Comparer) -> Iterator[Finding]:
    yield from _headers(answer, comparer)
    was, now = answer.before.get("content", {}), answer.after.get("content", {})
    # What may be answered may be answered to anybody, but for HTML, which has to be asked for.
    for media in (media for media in now if media not in was):
        if (list(was), media) != ([JSON], HTML):
            yield answer.finding(f"{media} is new", "content", media)
    for media in was:
        if media not in now:
            yield answer.finding(f"{media} is gone", "content")
            continue
        for finding in answer.at("content", media, place=media).schemas(comparer, Breaks.ANSWERS):
            if not (media == PROBLEM and _is_new_problem(finding)):
                yield finding


def _is_new_problem(finding: Finding) -> bool:
    """A client that does not know a type of problem goes by its status (RFC 9457, 3.1.1)."""
    return finding.place.endswith(f"{PROBLEM} /type") and finding.pointer[-1] == "enum"


def _headers(answer: Both, comparer: Comparer) -> Iterator[Finding]:
    now = {name.lower(): name for name in answer.after.get("headers", {})}
    for name, before in answer.before.items("headers"):
        if name.lower() not in now:
            yield answer.finding(f"the header {name} is gone", "headers")
            continue
        after = answer.after.at("headers", now[name.lower()])
        header = Both(f"{answer.place}, header {name}", before, after)
        if before.get("required") and not after.get("required"):
            yield header.finding("it is no longer required")
        yield from header.schemas(comparer, Breaks.ANSWERS)
