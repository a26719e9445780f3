"""Prometheus counters of the contract. Where they are kept is settled when this is imported: see
`stockroom.process.metrics_server`.
"""

from typing import get_args

from prometheus_client import Counter

from stockroom.contract.conformance import Part
from stockroom.http.drift import Reason


class ContractMetrics:
    """Counts what `stockroom.http.drift` finds, by labels that are words of the contract or of ours."""

    def __init__(self) -> None:
        # In no registry: what several processes count is collected from their files.
        self._checked = Counter(
            "stockroom_contract_checked", "Answers held against the contract.", registry=None
        )
        self._drift = Counter(
            "stockroom_contract_drift",
            "Checked answers that are not as declared, by what of them is not.",
            ["operation", "status", "part"],
            registry=None,
        )
        self._unchecked = Counter(
            "stockroom_contract_unchecked",
            "Answers that were to be checked and were not.",
            ["reason"],
            registry=None,
        )
        for reason in get_args(Reason):
            # A counter that is there from the start shows its first step, too.
            self._unchecked.labels(reason)

    def checked(self) -> None:
        self._checked.inc()

    def drifted(self, operation: str, status: int, part: Part) -> None:
        self._drift.labels(operation, str(status), part).inc()

    def unchecked(self, reason: Reason) -> None:
        self._unchecked.labels(reason).inc()
