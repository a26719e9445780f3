"""Who counts what production's check of answers finds, for tests to look at."""

from stockroom.http.observer import Unobserved


class Counts(Unobserved):
    """Counts like metrics do, and remembers all of it."""

    def __init__(self) -> None:
        self.answers = 0
        self.drifts: list[tuple[str, int, str]] = []
        self.reasons: list[str] = []
        self.limits: list[str] = []

    @property
    def failures(self) -> int:
        """How many checks crashed."""
        return self.reasons.count("failed")

    def limited(self, operation: str) -> None:
        self.limits.append(operation)

    def checked(self) -> None:
        self.answers += 1

    def drifted(self, operation: str, status: int, part: str) -> None:
        self.drifts.append((operation, status, part))

    def unchecked(self, reason: str) -> None:
        self.reasons.append(reason)


class Failures:
    """Counts what fails of background activities, and knows which of them fail now."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.failing: set[str] = set()

    def begun(self, activity: str) -> None:
        self.counts.setdefault(activity, 0)

    def failed(self, activity: str) -> None:
        self.counts[activity] = self.counts.get(activity, 0) + 1
        self.failing.add(activity)

    def recovered(self, activity: str) -> None:
        self.failing.discard(activity)
