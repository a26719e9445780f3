"""Attempts: how few guesses get a check, and that strangers keep no owner out."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from stockroom.accounts import actions as accounts
from stockroom.accounts import attempts, sessions
from stockroom.accounts.attempts import KNOWN_FOR, KNOWN_NETWORKS, OWN, STRANGER, STRANGERS
from stockroom.accounts.model import TokenPair
from stockroom.accounts.passwords import Passwords
from stockroom.db import tables
from stockroom.errors import InvalidCredentials, Overloaded, TooManyAttempts, WrongPassword
from tests.desk import HOME, PASSWORD

WRONG = "not the password at all"
FIVE_MINUTES = timedelta(minutes=5)


@pytest.fixture
def desk(desk):
    desk.register("ada")
    return desk


class WatchedHasher(PasswordHasher):
    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checks = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.checks += 1
        return super().verify(hash, password)


@pytest.fixture
def hasher(desk):
    hasher = WatchedHasher()
    desk.passwords = Passwords(hasher)
    return hasher


def elsewhere(number: int) -> str:
    return f"198.51.{number // 256}.{number % 256}"


def outcome(desk, password: str, network: str, name: str = "ada") -> type:
    try:
        return type(desk.login(name, password, network=network))
    except (InvalidCredentials, TooManyAttempts) as error:
        return type(error)


def change(desk, pair, current: str = PASSWORD, new: str = "the harbour was empty by noon") -> None:
    values = {"current": current, "new": new, "attempts": desk.attempts, "log": desk.log}
    values |= {"passwords": desk.passwords, "revocations": desk.revocations}
    principal = desk.principal(pair)
    desk.do(lambda work: accounts.change_password(work, principal, **values))


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_thousand_guesses_from_rotating_addresses_get_ten_checks_in_five_minutes(
    desk, hasher, name: str
) -> None:
    for number in range(1000):
        outcome(desk, WRONG, elsewhere(number), name)
        desk.wait(FIVE_MINUTES / 1000)
    assert 0 < hasher.checks <= 10


def test_at_no_time_do_five_minutes_hold_more_than_ten_checks(desk, hasher) -> None:
    checked = []
    for second in range(0, 1200, 7):
        before = hasher.checks
        outcome(desk, WRONG, elsewhere(second))
        checked += [second] * (hasher.checks - before)
        desk.wait(timedelta(seconds=7))
    assert all(sum(begin <= at < begin + 300 for at in checked) <= 10 for begin in checked)
    assert len(checked) > 15


def test_guesses_at_the_same_time_get_no_more_checks_than_one_after_the_other(desk, hasher, at_once) -> None:
    guesses = [
        lambda number=number: desk.login("ada", WRONG, network=elsewhere(number)) for number in range(7)
    ]
    kinds = [type(found) for found in at_once(*guesses) + at_once(*guesses)]
    assert hasher.checks == kinds.count(InvalidCredentials) == STRANGERS.at_once
    assert kinds.count(TooManyAttempts) == 14 - STRANGERS.at_once


def test_the_owner_logs_in_where_the_account_has_been_whatever_strangers_do(desk) -> None:
    for number in range(30):
        outcome(desk, WRONG, elsewhere(number))
    assert outcome(desk, PASSWORD, "198.51.100.99") is TooManyAttempts
    assert outcome(desk, PASSWORD, HOME) is TokenPair
    assert outcome(desk, WRONG, elsewhere(31)) is TooManyAttempts, "a login of the owner gave strangers more"


def test_one_stranger_does_not_use_up_what_all_have(desk) -> None:
    for _ in range(30):
        outcome(desk, WRONG, elsewhere(1))
    assert outcome(desk, PASSWORD, elsewhere(2)) is TokenPair


def test_a_network_that_the_account_knows_has_few_attempts_too(desk, hasher) -> None:
    assert [outcome(desk, WRONG, HOME) for _ in range(OWN.at_once)] == [InvalidCredentials] * OWN.at_once
    assert outcome(desk, PASSWORD, HOME) is TooManyAttempts
    assert hasher.checks == OWN.at_once
    desk.wait(OWN.every)
    assert outcome(desk, PASSWORD, HOME) is TokenPair


def test_a_clock_that_is_set_back_locks_nobody_out_for_as_long(desk, hasher) -> None:
    for _ in range(OWN.at_once):
        outcome(desk, WRONG, HOME)
    desk.wait(timedelta(hours=-1))
    # Who comes first has one attempt, and those before still count.
    assert [outcome(desk, WRONG, HOME) for _ in range(9)] == [InvalidCredentials] + [TooManyAttempts] * 8
    desk.wait(OWN.every)
    assert outcome(desk, PASSWORD, HOME) is TokenPair


def test_clocks_that_differ_by_minutes_give_no_more_checks(desk, hasher) -> None:
    for _ in range(100):
        outcome(desk, WRONG, HOME)
        desk.wait(FIVE_MINUTES)
        outcome(desk, WRONG, HOME)
        desk.wait(-FIVE_MINUTES)
    assert hasher.checks <= 2 * OWN.at_once


def test_a_name_has_its_own_attempts_in_a_network_that_many_share(desk) -> None:
    desk.register("bob")
    desk.fail("bob", OWN.at_once)
    assert outcome(desk, PASSWORD, HOME, "bob") is TooManyAttempts
    assert outcome(desk, PASSWORD, HOME, "ada") is TokenPair


def test_a_refusal_says_when_a_password_is_checked_again(desk) -> None:
    desk.fail("ada", OWN.at_once)
    desk.wait(timedelta(seconds=20))
    with pytest.raises(TooManyAttempts) as refusal:
        desk.login("ada")
    assert refusal.value.retry_after == 40
    desk.wait(timedelta(seconds=40))
    assert desk.login("ada")


def test_right_passwords_use_up_nothing(desk) -> None:
    for _ in range(3 * OWN.at_once):
        desk.login("ada")
    for number in range(3 * STRANGERS.at_once):
        desk.login("ada", network=elsewhere(number))
    desk.fail("ada", STRANGER.at_once, "198.51.100.99")


def test_a_login_makes_a_network_known_and_a_refresh_too(desk) -> None:
    pair = desk.login("ada", network=elsewhere(1))
    desk.refresh(pair.refresh_token, elsewhere(2))
    for number in range(30):
        outcome(desk, WRONG, f"203.0.113.{number}")
    assert outcome(desk, PASSWORD, elsewhere(1)) is TokenPair
    assert outcome(desk, PASSWORD, elsewhere(2)) is TokenPair
    assert outcome(desk, PASSWORD, elsewhere(3)) is TooManyAttempts


def networks(desk, name: str = "ada") -> list[str]:
    query = sa.select(tables.known_networks.c.network).where(tables.known_networks.c.username == name)
    return sorted(
        network.removeprefix("network ") for network in desk.read(lambda reader: reader.scalars(query))
    )


def test_the_latest_networks_alone_are_known(desk) -> None:
    seen = [elsewhere(number) for number in range(KNOWN_NETWORKS + 5)]
    for network in seen:
        desk.wait(timedelta(days=1))
        desk.login("ada", network=network)
    assert networks(desk) == sorted(seen[-KNOWN_NETWORKS:])


def test_a_network_is_forgotten_when_nobody_was_seen_there_for_long(desk) -> None:
    desk.wait(KNOWN_FOR / 2)
    desk.login("ada", network=elsewhere(1))
    desk.wait(KNOWN_FOR / 2)
    for number in range(30):
        outcome(desk, WRONG, f"203.0.113.{number}")
    assert outcome(desk, PASSWORD, HOME) is TooManyAttempts
    assert outcome(desk, PASSWORD, elsewhere(1)) is TokenPair
    desk.do(sessions.prune)
    assert networks(desk) == [elsewhere(1)]


def test_who_rotates_names_leaves_nothing_behind(desk) -> None:
    for number in range(50):
        outcome(desk, WRONG, elsewhere(number), f"name{number}")
    desk.fail("ada", 2)
    assert desk.count(tables.known_networks) == 1
    desk.wait(FIVE_MINUTES)
    desk.do(sessions.prune)
    kept = desk.read(lambda reader: list(reader.scalars(sa.select(tables.login_attempts.c.username))))
    assert kept == ["ada"], "what is to be told to an owner stays"


def test_unknown_and_known_names_are_written_of_in_the_same_way(desk) -> None:
    outcome(desk, WRONG, elsewhere(1), "nobody")
    outcome(desk, WRONG, elsewhere(1), "ada")
    columns = [column for column in tables.login_attempts.c if column.name != "username"]
    rows = [
        desk.read(
            lambda reader, name=name: reader.execute(
                sa.select(*columns).where(tables.login_attempts.c.username == name).order_by(columns[0])
            ).all()
        )
        for name in ("nobody", "ada")
    ]
    assert len(rows[0]) == 2
    assert rows[0] == rows[1]


def test_an_odd_address_is_a_network_too(desk) -> None:
    for address in ("", "2001:db8:1:2::/64", "é" * 500):
        assert outcome(desk, WRONG, address) is InvalidCredentials
        assert outcome(desk, PASSWORD, address) is TokenPair


def test_an_attempt_whose_password_was_not_checked_does_not_count(desk) -> None:
    class Busy(Passwords):
        def verify(self, password: str, stored: str | None) -> bool:
            raise Overloaded("busy", retry_after=1)

    pair, passwords = desk.login("ada"), desk.passwords
    desk.passwords = Busy()
    for _ in range(2 * OWN.at_once):
        with pytest.raises(Overloaded):
            desk.login("ada")
        with pytest.raises(Overloaded):
            change(desk, pair)
    desk.passwords = passwords
    assert desk.login("ada").failed_logins == 0
    change(desk, pair)


# Changing the password


def test_whoever_has_a_session_changes_the_password_whatever_others_do(desk) -> None:
    pair = desk.login("ada")
    for number in range(30):
        outcome(desk, WRONG, elsewhere(number))
        outcome(desk, WRONG, HOME)
    change(desk, pair)


def test_a_session_gets_few_attempts_at_the_current_password(desk, hasher) -> None:
    stolen, own = desk.login("ada"), desk.login("ada")
    before = hasher.checks
    for _ in range(OWN.at_once):
        with pytest.raises(WrongPassword):
            change(desk, stolen, current=WRONG)
    with pytest.raises(TooManyAttempts) as refusal:
        change(desk, stolen)
    assert refusal.value.retry_after == 60
    assert hasher.checks - before == OWN.at_once
    assert outcome(desk, PASSWORD, HOME) is TokenPair
    change(desk, own)


# What the owner is told


def test_the_owner_is_told_of_wrong_passwords_since_the_last_login(desk) -> None:
    first = desk.login("ada")
    assert first.failed_logins == 0
    desk.fail("ada", 2)
    desk.fail("ada", 2, elsewhere(1))
    with pytest.raises(WrongPassword):
        change(desk, first, current=WRONG)
    assert desk.refresh(first.refresh_token).failed_logins == 5
    again = desk.login("ada")
    assert again.failed_logins == 5
    assert desk.refresh(again.refresh_token).failed_logins == 0
    assert desk.login("ada").failed_logins == 0


def test_logins_and_guesses_at_once_do_not_deadlock(desk, at_once) -> None:
    for _ in range(5):
        # A deadlock would be raised here as the database's own error.
        at_once(
            *[lambda number=number: desk.login("ada", network=elsewhere(number)) for number in range(3)],
            *[
                lambda number=number: desk.login("ada", WRONG, network=elsewhere(number))
                for number in range(3)
            ],
            lambda: desk.do(sessions.prune),
        )
        desk.wait(FIVE_MINUTES)


def test_a_failure_of_one_in_flight_is_counted_for_the_next_login(desk) -> None:
    class MeanwhileGuessed(WatchedHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            desk.passwords = plain
            outcome(desk, WRONG, elsewhere(9))
            return super().verify(hash, password)

    plain, desk.passwords = desk.passwords, Passwords(MeanwhileGuessed())
    assert desk.login("ada").failed_logins == 1


def test_what_is_allowed_adds_up_to_ten_in_five_minutes() -> None:
    for allowance, most in ((OWN, 10), (STRANGERS, 10), (STRANGER, 5)):
        assert allowance.at_once + FIVE_MINUTES // allowance.every <= most
    assert attempts.STRANGER.every > attempts.STRANGERS.every, "one alone would use up what comes anew"
