"""Revocations: known at once, forgotten when no token of theirs can be alive."""

from datetime import UTC, datetime, timedelta

from stockroom.accounts.revocations import Revocations

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_a_session_is_revoked_until_its_time_is_over() -> None:
    revocations = Revocations()
    revocations.add("early", NOW + timedelta(seconds=1))
    revocations.add("late", NOW + timedelta(seconds=2))
    assert revocations.is_revoked("early")
    assert not revocations.is_revoked("other")

    revocations.prune(NOW + timedelta(seconds=1))

    assert not revocations.is_revoked("early")
    assert revocations.is_revoked("late")
    assert len(revocations) == 1
