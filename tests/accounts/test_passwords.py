"""Passwords: what is refused as weak, how hashes are made, and how few at once."""

import threading

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from stockroom.accounts.passwords import Passwords
from stockroom.errors import Overloaded, WeakPassword

GOOD = "nine tall ships sailed by"


class WatchedHasher(PasswordHasher):
    """Argon2 made cheap, that notes which hashes were looked at."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified.append(hash)
        return super().verify(hash, password)


class StuckHasher(WatchedHasher):
    """Does not finish verifying before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.begun.release()
        self.may_end.wait()
        return super().verify(hash, password)


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(WatchedHasher())


def test_a_password_fits_its_own_hash_alone(passwords: Passwords) -> None:
    stored = passwords.hash(GOOD)
    assert passwords.verify(GOOD, stored)
    assert not passwords.verify(GOOD + ".", stored)


def test_hashes_are_argon2id_with_19_mib_two_passes_and_one_lane() -> None:
    assert Passwords().hash(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_letters_composed_differently_are_the_same_password(passwords: Passwords) -> None:
    assert passwords.verify("cafe\u0301 au lait, please", passwords.hash("caf\u00e9 au lait, please"))


@pytest.mark.parametrize("odd", ["\ud800" * 20, "nul \x00 in the middle", "🦆" * 128, ""])
def test_odd_text_is_verified_without_an_error(passwords: Passwords, odd: str) -> None:
    assert not passwords.verify(odd, passwords.hash(GOOD))
    assert passwords.verify(odd, passwords.hash(odd))


def test_a_damaged_hash_fits_nothing(passwords: Passwords) -> None:
    assert not passwords.verify(GOOD, "$argon2id$damaged")


def test_a_name_nobody_has_costs_a_verification_too() -> None:
    hasher = WatchedHasher()
    passwords = Passwords(hasher)
    assert not passwords.verify(GOOD, None)
    [dummy] = hasher.verified
    assert str(dummy).startswith("$argon2id$v=19$m=8,t=1,p=1$")
    # It is one that is computed, and not one that cannot be read.
    with pytest.raises(VerifyMismatchError):
        hasher.verify(str(dummy), GOOD)


def test_hashes_of_other_parameters_are_outdated(passwords: Passwords) -> None:
    assert Passwords(WatchedHasher(time_cost=2)).outdated(passwords.hash(GOOD))
    assert not passwords.outdated(passwords.hash(GOOD))


def test_who_waits_too_long_for_a_turn_is_refused_and_the_turn_comes_back() -> None:
    hasher = StuckHasher()
    passwords = Passwords(hasher, at_once=2, patience=0.05)
    busy = [threading.Thread(target=passwords.verify, args=(GOOD, None)) for _ in range(2)]
    for thread in busy:
        thread.start()
        hasher.begun.acquire()
    with pytest.raises(Overloaded) as refusal:
        passwords.hash(GOOD)
    assert refusal.value.retry_after == 1
    hasher.may_end.set()
    for thread in busy:
        thread.join()
    assert passwords.hash(GOOD)


@pytest.mark.parametrize("length", [14, 129])
def test_passwords_have_15_to_128_characters(passwords: Passwords, length: int) -> None:
    with pytest.raises(WeakPassword, match="15 to 128 characters"):
        passwords.refuse_weak((GOOD * 6)[:length], username="ada", email="a@b.c")


def test_why_a_password_is_refused_is_said_in_a_sentence(passwords: Passwords) -> None:
    with pytest.raises(WeakPassword) as refusal:
        passwords.refuse_weak("password 1234 5678", username="ada", email="ada@example.com")
    assert refusal.value.detail == "The password is one of the most common ones."


def test_parts_of_the_email_address_count_as_names(passwords: Passwords) -> None:
    for weak in ("countess and lovelace", "lovelace dot museum"):
        with pytest.raises(WeakPassword, match="e-mail address"):
            passwords.refuse_weak(weak, username="ada", email="countess@lovelace.museum")
