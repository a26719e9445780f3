"""What an audit finds, as values, as lines for people and as JSON for machines."""

from collections.abc import Iterator, Sequence
from typing import Any

from stockroom.frozen import frozen

MOST_LISTED = 20
"""Violations of one check that are told in words, unless the caller wants another number."""

CLEAN, VIOLATED, UNCHECKED = 0, 1, 2
"""How an audit ends: everything holds, something does not, something could not be checked."""


@frozen
class Finding:
    """The outcome of one check of `rows` rows.

    `violations` is how many were found, of which the first are `listed` in words. `fault` tells why the check
    could not be made; then the other figures say nothing.
    """

    name: str
    promise: str
    rows: int
    violations: int
    listed: tuple[str, ...]
    fault: str | None = None

    @property
    def outcome(self) -> int:
        if self.violations:
            return VIOLATED
        return UNCHECKED if self.fault else CLEAN


def outcome(findings: Sequence[Finding]) -> int:
    """How the audit as a whole ends: a violation weighs more than a check that could not be made."""
    outcomes = {finding.outcome for finding in findings}
    return VIOLATED if VIOLATED in outcomes else max(outcomes, default=CLEAN)


_MARKS = {CLEAN: "ok", VIOLATED: "BROKEN", UNCHECKED: "UNKNOWN"}


def lines(finding: Finding) -> Iterator[str]:
    """The finding for a terminal: a line for the check, and one for each violation that is listed."""
    mark = _MARKS[finding.outcome]
    yield f"{mark:<8}{finding.name:<34}{finding.rows:>12,} rows  {finding.promise}"
    if finding.fault:
        yield f"        - could not be checked: {finding.fault}"
    yield from (f"        - {violation}" for violation in finding.listed)
    if more := finding.violations - len(finding.listed):
        yield f"        - and {more:,} more"


def summary(findings: Sequence[Finding]) -> str:
    """The last line of an audit."""
    broken = [finding for finding in findings if finding.violations]
    unknown = [finding for finding in findings if finding.fault]
    checks = f"{len(findings)} checks of {sum(finding.rows for finding in findings):,} rows"
    if not broken and not unknown:
        return f"{checks}: everything holds."
    said = []
    if broken:
        count = sum(finding.violations for finding in broken)
        violations = "1 violation" if count == 1 else f"{count:,} violations"
        said.append(f"{violations} of {', '.join(finding.name for finding in broken)}")
    if unknown:
        said.append(f"not checked: {', '.join(finding.name for finding in unknown)}")
    return f"{checks}: {'; '.join(said)}."


def as_json(finding: Finding) -> dict[str, Any]:
    """The finding with its members under their own names."""
    return {
        "name": finding.name,
        "promise": finding.promise,
        "rows": finding.rows,
        "violations": finding.violations,
        "listed": list(finding.listed),
        "fault": finding.fault,
    }
