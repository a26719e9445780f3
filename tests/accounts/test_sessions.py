"""Sessions: login, refresh, logout, and how their ends become known."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from stockroom.accounts import sessions
from stockroom.accounts.model import ROLE_SCOPES, TokenPair
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.queries import change_password, find
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import LIFETIME, Tokens
from stockroom.db import tables
from stockroom.errors import InvalidCredentials, InvalidToken, Overloaded

GOOD = "nine tall ships sailed by"


@pytest.fixture
def desk(desk):
    desk.register("ada")
    return desk


def test_a_login_gives_the_scopes_of_the_role(desk) -> None:
    pair = desk.login("ada")
    principal = desk.principal(pair)
    assert principal.subject == "ada"
    assert principal.scopes == ROLE_SCOPES["clerk"]
    assert (pair.token_type, pair.expires_in) == ("Bearer", LIFETIME)
    assert pair.scope.split() == sorted(ROLE_SCOPES["clerk"])


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, ROLE_SCOPES["clerk"]),
        ("", ROLE_SCOPES["clerk"]),
        (" ", set()),
        ("items:read", {"items:read"}),
        ("items:read users:manage nonsense", {"items:read"}),
        ("users:manage", set()),
    ],
)
def test_a_login_narrowed_by_scope_stays_narrow_when_refreshed(
    desk, asked: str | None, granted: set[str]
) -> None:
    pair = desk.login("ada", scope=asked)
    assert desk.principal(pair).scopes == granted
    again = desk.refresh(pair.refresh_token)
    assert desk.principal(again).scopes == granted
    assert set(again.scope.split()) == granted


def test_a_session_from_before_a_scope_was_there_gets_it_unless_it_was_narrowed(desk, monkeypatch) -> None:
    monkeypatch.setitem(ROLE_SCOPES, "clerk", ROLE_SCOPES["clerk"] - {"me:write"})
    whole, narrow = desk.login("ada"), desk.login("ada", scope="items:read me:read")
    monkeypatch.undo()
    assert desk.principal(desk.refresh(whole.refresh_token)).scopes == ROLE_SCOPES["clerk"]
    assert desk.principal(desk.refresh(narrow.refresh_token)).scopes == {"items:read", "me:read"}


@pytest.mark.parametrize("username", ["ada", "nobody", "Not A Name", "nul\x00nul"])
def test_wrong_passwords_and_unknown_names_are_refused_in_the_same_words(desk, username: str) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        desk.login(username, "not the password at all")
    assert refusal.value.detail == "Name and password do not fit."


def test_a_disabled_account_is_refused_as_if_the_password_were_wrong(desk) -> None:
    desk.update("ada", disabled=True)
    with pytest.raises(InvalidCredentials) as refusal:
        desk.login("ada")
    assert refusal.value.detail == "Name and password do not fit."
    [failures] = desk.read(lambda reader: list(reader.scalars(sa.select(tables.login_attempts.c.failures))))
    assert failures == 1


class WatchedHasher(PasswordHasher):
    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified.append(hash)
        return super().verify(hash, password)


@pytest.mark.parametrize("username", ["nobody", "Not A Name"])
def test_an_unknown_name_costs_one_verification_like_any_other(desk, username: str) -> None:
    hasher = WatchedHasher()
    desk.passwords = Passwords(hasher)
    with pytest.raises(InvalidCredentials):
        desk.login(username)
    with pytest.raises(InvalidCredentials):
        desk.login("ada", "not the password at all")
    dummy, stored = hasher.verified
    credentials = desk.read(lambda reader: find(reader, "ada"))
    assert stored == credentials.password_hash != dummy


def test_a_password_is_verified_while_no_transaction_is_open(desk) -> None:
    class OtherWriter(WatchedHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            # Were the login's own transaction open, SQLite would let no other write.
            desk.register("bob")
            return super().verify(hash, password)

    desk.passwords = Passwords(OtherWriter())
    assert desk.login("ada")


def test_a_login_renews_a_hash_of_other_parameters(desk) -> None:
    desk.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    desk.login("ada")
    renewed = desk.read(lambda reader: find(reader, "ada"))
    assert "t=2" in renewed.password_hash
    assert desk.login("ada")


def test_an_account_disabled_while_its_password_is_verified_gets_no_session(desk) -> None:
    class MeanwhileDisabled(WatchedHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            desk.update("ada", disabled=True)
            return super().verify(hash, password)

    desk.passwords = Passwords(MeanwhileDisabled())
    with pytest.raises(InvalidCredentials):
        desk.login("ada")
    assert desk.count(tables.sessions) == 0


def test_a_password_changed_while_it_is_verified_gets_no_session(desk) -> None:
    new_hash = desk.passwords.hash("the harbour was empty by noon")

    class MeanwhileChanged(WatchedHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            values = {"old_hash": str(hash), "new_hash": new_hash}
            desk.do(lambda work: change_password(work.connection, "ada", **values))
            return super().verify(hash, password)

    desk.passwords = Passwords(MeanwhileChanged())
    with pytest.raises(Overloaded):
        desk.login("ada")
    assert desk.count(tables.sessions) == 0


def test_a_refresh_gives_a_new_pair_of_the_same_session(desk) -> None:
    first = desk.login("ada")
    second = desk.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert desk.principal(second) == desk.principal(first)


def test_refresh_tokens_are_not_stored_as_they_are(desk) -> None:
    pair = desk.login("ada")
    query = sa.select(tables.refresh_tokens.c.token_hash)
    stored = desk.read(lambda reader: reader.scalars(query))
    assert [len(token_hash) for token_hash in stored] == [64]
    assert pair.refresh_token not in stored


def test_a_spent_refresh_token_ends_the_session_for_both(desk) -> None:
    first = desk.login("ada")
    second = desk.refresh(first.refresh_token)
    with pytest.raises(InvalidToken):
        desk.refresh(first.refresh_token)
    assert desk.principal(second) is None
    with pytest.raises(InvalidToken):
        desk.refresh(second.refresh_token)
    assert desk.count(tables.sessions) == 0
    assert desk.count(tables.revocations) == 1


def test_of_parallel_refreshes_with_one_token_one_wins_and_the_other_ends_the_session(desk, at_once) -> None:
    for _ in range(10):
        pair = desk.login("ada")
        outcomes = at_once(*[lambda pair=pair: desk.refresh(pair.refresh_token)] * 4)
        won = [outcome for outcome in outcomes if isinstance(outcome, TokenPair)]
        assert len(won) == 1
        assert sum(isinstance(outcome, InvalidToken) for outcome in outcomes) == 3
        assert desk.principal(won[0]) is None
        with pytest.raises(InvalidToken):
            desk.refresh(won[0].refresh_token)
    assert desk.count(tables.sessions) == 0


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "\x00" * 43])
def test_unknown_refresh_tokens_are_refused(desk, token: str) -> None:
    with pytest.raises(InvalidToken):
        desk.refresh(token)


def test_where_the_clock_is_set_back_a_refresh_gives_tokens_that_are_good(desk) -> None:
    pair = desk.login("ada")
    desk.wait(timedelta(hours=-1))
    # A process that has not seen the token takes none that seems to come from the future.
    assert Tokens(b"k" * 32, desk.revocations).verify(pair.access_token, desk.now.timestamp()) is None
    assert desk.principal(desk.refresh(pair.refresh_token)).subject == "ada"
    assert desk.principal(desk.login("ada")).subject == "ada"


def test_a_session_cannot_be_refreshed_once_it_has_expired(desk) -> None:
    pair = desk.login("ada")
    desk.wait(sessions.SESSION_LIFETIME - timedelta(milliseconds=1))
    pair = desk.refresh(pair.refresh_token)
    desk.wait(timedelta(milliseconds=1))
    with pytest.raises(InvalidToken):
        desk.refresh(pair.refresh_token)


def test_a_refresh_reads_the_account_anew(desk) -> None:
    pair = desk.login("ada")
    with desk.database.work() as work:
        # Behind the back of `accounts.update`, which would end the session.
        work.connection.execute(sa.update(tables.users).values(role="viewer"))
    pair = desk.refresh(pair.refresh_token)
    assert desk.principal(pair).scopes == ROLE_SCOPES["viewer"]
    with desk.database.work() as work:
        work.connection.execute(sa.update(tables.users).values(disabled=True))
    with pytest.raises(InvalidToken):
        desk.refresh(pair.refresh_token)


def test_a_logout_kills_both_tokens_of_its_session_alone(desk) -> None:
    left, other = desk.login("ada"), desk.login("ada")
    principal = desk.principal(left)
    for _ in range(2):
        desk.logout(principal)
    assert desk.principal(left) is None
    with pytest.raises(InvalidToken):
        desk.refresh(left.refresh_token)
    assert desk.principal(other) is not None
    assert desk.refresh(other.refresh_token)
    assert desk.count(tables.revocations) == 1


def test_a_logout_that_is_not_committed_revokes_nothing(desk) -> None:
    pair = desk.login("ada")
    work = desk.database.work()
    sessions.logout(work, desk.principal(pair), desk.revocations, desk.log)
    assert desk.principal(pair) is not None
    work.rollback()
    assert desk.principal(pair) is not None
    assert "session.ended" not in [event for event, _, _ in desk.log.noted]


def test_logouts_and_refreshes_at_once_do_not_deadlock(desk, at_once) -> None:
    for _ in range(10):
        pair = desk.login("ada")
        principal = desk.principal(pair)
        # A deadlock would be raised here as the database's own error.
        at_once(
            lambda pair=pair: desk.refresh(pair.refresh_token),
            lambda principal=principal: desk.logout(principal),
            lambda: desk.update("ada", role="viewer"),
            lambda: desk.do(sessions.prune),
        )
        assert desk.principal(pair) is None
        desk.update("ada", role="clerk")
    assert desk.count(tables.sessions) == 0


def test_another_process_learns_of_ended_sessions_by_polling(desk) -> None:
    elsewhere = Revocations()
    verifier = Tokens(b"k" * 32, elsewhere)
    pair = desk.login("ada")
    principal = desk.principal(pair)
    assert verifier.verify(pair.access_token, desk.now.timestamp()) == principal
    desk.logout(principal)
    with desk.database.connect() as reader:
        last = sessions.poll(reader, elsewhere, 0, desk.now)
        assert verifier.verify(pair.access_token, desk.now.timestamp()) is None
        assert sessions.poll(reader, elsewhere, last, desk.now) == last


def test_a_revocation_whose_id_appears_late_is_not_missed(desk) -> None:
    def appear(number: int, session: str, until: datetime) -> None:
        row = {"id": number, "session_id": session, "expires_at": until}
        desk.do(lambda work: work.connection.execute(sa.insert(tables.revocations), row))

    elsewhere, until = Revocations(), desk.now + timedelta(minutes=12)
    with desk.database.connect() as reader:
        appear(8, "committed first", until)
        last = sessions.poll(reader, elsewhere, 0, desk.now)
        assert last == 8
        appear(7, "committed second", until)
        assert sessions.poll(reader, elsewhere, last, desk.now) == 8
    assert elsewhere.is_revoked("committed second")


def test_revocations_are_kept_for_longer_than_any_token_lives_and_then_forgotten(desk) -> None:
    pair = desk.login("ada")
    principal = desk.principal(pair)
    desk.logout(principal)
    elsewhere = Revocations()
    with desk.database.connect() as reader:
        desk.wait(timedelta(seconds=LIFETIME))
        last = sessions.poll(reader, elsewhere, 0, desk.now)
        assert elsewhere.is_revoked(principal.session)
        desk.wait(timedelta(minutes=5))
        assert sessions.poll(reader, elsewhere, last, desk.now) == last
    assert len(elsewhere) == 0


def test_pruning_deletes_what_time_has_settled_and_nothing_else(desk) -> None:
    principal = desk.principal(desk.login("ada"))
    desk.logout(principal)
    desk.login("ada")
    desk.wait(sessions.SESSION_LIFETIME)
    kept = desk.login("ada")
    desk.do(sessions.prune)
    assert [desk.count(table) for table in (tables.sessions, tables.refresh_tokens)] == [1, 1]
    assert desk.count(tables.revocations) == 0
    assert desk.refresh(kept.refresh_token)
