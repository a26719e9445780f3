"""The operations of the last release, and what has become of them."""

from collections.abc import Iterator

from stockroom.contract.deprecation import sunset_of
from stockroom.contract.operations import METHODS
from tests.contract.gates.compatibility.access import limit_changes, security_changes
from tests.contract.gates.compatibility.answers import Answers
from tests.contract.gates.compatibility.comparer import Comparer
from tests.contract.gates.compatibility.findings import Both, Finding
from tests.contract.gates.compatibility.requests import body_changes, parameter_changes


def operation_changes(whole: Both, comparer: Comparer) -> Iterator[Finding]:
    answers = Answers(comparer)
    for path, methods in whole.before.items("paths"):
        for method in (method for method in METHODS if method in methods):
            now = whole.after.at("paths", path)
            both = Both(f"{method.upper()} {path}", methods.at(method), now.at(method))
            if comparer.is_over(both.before.value):
                continue
            if method in now:
                yield from _operation(both, comparer, answers)
            else:
                sunset = sunset_of(both.before.value)
                why = f"before its sunset, {sunset}" if sunset else "and was not deprecated"
                yield both.finding(f"the operation is gone {why}")


def _operation(both: Both, comparer: Comparer, answers: Answers) -> Iterator[Finding]:
    was, now = both.before.get("operationId"), both.after.get("operationId")
    if was != now:
        yield both.finding(f"{was} is called {now}", "operationId")
    yield from both.sunsets()
    yield from both.differing("callbacks", "servers")
    yield from limit_changes(both)
    yield from security_changes(both)
    yield from parameter_changes(both, comparer)
    yield from body_changes(both, comparer)
    yield from answers.changes(both)
