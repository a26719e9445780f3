"""Accounts: registering, roles, disabling, and changes of one's own."""

from datetime import timedelta

import pytest

from stockroom.accounts import actions as accounts
from stockroom.accounts.model import Account
from stockroom.db import tables
from stockroom.db.pages import PageRequest
from stockroom.errors import (
    InvalidCredentials,
    InvalidRequest,
    InvalidToken,
    LastAdmin,
    NotFound,
    RegistrationClosed,
    UsernameTaken,
    WeakPassword,
    WrongPassword,
)

PASSWORD = "nine tall ships sailed by"
ANOTHER = "the harbour was empty by noon"


def change_password(desk, pair, current=PASSWORD, new=ANOTHER):
    values = {"current": current, "new": new, "attempts": desk.attempts, "log": desk.log}
    values |= {"passwords": desk.passwords, "revocations": desk.revocations}
    principal = desk.principal(pair)
    desk.do(lambda work: accounts.change_password(work, principal, **values))


def roles(desk):
    page = desk.read(lambda reader: accounts.list_accounts(reader, PageRequest(None, 100, None, exact=True)))
    return {account.username: account.role for account in page.rows}


def test_a_registered_account_has_the_default_role_and_can_log_in(desk) -> None:
    account = desk.register("ada", default_role="viewer")
    assert account == Account("ada", "ada@example.com", "viewer", disabled=False, created_at=desk.now)
    assert desk.read(lambda reader: accounts.read(reader, desk.principal(desk.login("ada")))) == account


def test_the_first_account_alone_is_admin_where_that_is_wished(desk) -> None:
    assert desk.register("ada", first_is_admin=True).role == "admin"
    assert desk.register("bob", first_is_admin=True).role == "clerk"


@pytest.mark.parametrize("database_url", [pytest.param("sqlite", id="sqlite")], indirect=True)
def test_of_several_who_register_first_at_once_one_is_admin(desk, at_once) -> None:
    at_once(*[lambda name=name: desk.register(name, first_is_admin=True) for name in ("ada", "bob", "cyd")])
    assert sorted(roles(desk).values()) == ["admin", "clerk", "clerk"]


def test_a_name_is_given_once_even_to_several_at_once(desk, at_once) -> None:
    outcomes = at_once(*[lambda: desk.register("ada")] * 4)
    assert sum(isinstance(outcome, Account) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, UsernameTaken) for outcome in outcomes) == 3


def test_closed_registration_and_weak_passwords_make_no_account(desk) -> None:
    with pytest.raises(RegistrationClosed):
        desk.register("ada", is_open=False)
    with pytest.raises(WeakPassword):
        desk.register("lovelace", password="lovelace lovelace!")
    assert desk.count(tables.users) == 0


def create_admin(desk, username="root", email="root@example.com", password=PASSWORD):
    values = {"username": username, "email": email, "password": password}
    return desk.do(lambda work: accounts.create_admin(work, passwords=desk.passwords, **values))


def test_an_admin_can_be_made_from_the_command_line(desk) -> None:
    desk.register("ada")
    assert create_admin(desk).role == "admin"
    with pytest.raises(UsernameTaken):
        create_admin(desk)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"username": "Root"}, InvalidRequest),
        ({"username": "root\n"}, InvalidRequest),
        ({"username": "r" * 41}, InvalidRequest),
        ({"email": "nobody"}, InvalidRequest),
        ({"email": "@example.com"}, InvalidRequest),
        ({"email": "a@" + "b" * 253}, InvalidRequest),
        ({"password": "short"}, WeakPassword),
        ({"password": "x" * 129}, WeakPassword),
    ],
)
def test_the_command_line_holds_to_the_rules_of_the_contract(desk, values, refusal) -> None:
    with pytest.raises(refusal):
        create_admin(desk, **values)
    assert desk.count(tables.users) == 0


def test_accounts_are_listed_by_name_in_pages(desk) -> None:
    for name in ("cyd", "ada", "bob"):
        desk.register(name)
    first = desk.read(lambda reader: accounts.list_accounts(reader, PageRequest(None, 2, None, exact=False)))
    assert [account.username for account in first.rows] == ["ada", "bob"]
    assert first.total == 3
    rest = desk.read(
        lambda reader: accounts.list_accounts(reader, PageRequest(None, 2, first.next, exact=False))
    )
    assert [account.username for account in rest.rows] == ["cyd"]


def test_an_email_address_is_changed_by_its_owner(desk) -> None:
    desk.register("ada")
    desk.register("bob")
    principal = desk.principal(desk.login("ada"))
    changed = desk.do(
        lambda work: accounts.change_email(work, principal, "ada@lovelace.example", log=desk.log)
    )
    assert changed.email == "ada@lovelace.example"
    assert desk.read(lambda reader: accounts.read(reader, principal)) == changed
    bob = desk.principal(desk.login("bob"))
    assert desk.read(lambda reader: accounts.read(reader, bob)).email == "bob@example.com"


def test_a_changed_password_ends_all_other_sessions(desk) -> None:
    desk.register("ada")
    own, other = desk.login("ada"), desk.login("ada")
    change_password(desk, own)
    assert desk.principal(own) is not None
    assert desk.refresh(own.refresh_token)
    assert desk.principal(other) is None
    with pytest.raises(InvalidToken):
        desk.refresh(other.refresh_token)
    assert desk.login("ada", ANOTHER)
    desk.fail("ada", 1)
    with pytest.raises(InvalidCredentials):
        desk.login("ada", PASSWORD)


def test_a_wrong_or_weak_password_changes_nothing(desk) -> None:
    desk.register("ada")
    own, other = desk.login("ada"), desk.login("ada")
    with pytest.raises(WrongPassword):
        change_password(desk, own, current=ANOTHER)
    with pytest.raises(WeakPassword):
        change_password(desk, own, new="a" * 20)
    assert desk.principal(other) is not None
    assert desk.login("ada", PASSWORD)


def test_of_parallel_password_changes_one_wins(desk, at_once) -> None:
    desk.register("ada")
    pair = desk.login("ada")
    words = ["first", "second", "third"]
    outcomes = at_once(
        *[lambda word=word: change_password(desk, pair, new=f"{word} of several passwords") for word in words]
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongPassword) for outcome in outcomes) == 2
    assert desk.login("ada", f"{words[outcomes.index(None)]} of several passwords")


@pytest.mark.parametrize("changes", [{"role": "viewer"}, {"role": "manager"}, {"disabled": True}])
def test_a_changed_role_and_disabling_end_all_sessions_of_the_account(desk, changes) -> None:
    desk.register("ada")
    desk.register("bob")
    pairs = [desk.login("ada"), desk.login("ada")]
    untouched = desk.login("bob")
    account = desk.update("ada", **changes)
    assert {name: getattr(account, name) for name in changes} == changes
    for pair in pairs:
        assert desk.principal(pair) is None
        with pytest.raises(InvalidToken):
            desk.refresh(pair.refresh_token)
    assert desk.count(tables.revocations) == 2
    assert desk.principal(untouched) is not None


def test_an_update_that_changes_nothing_ends_no_session(desk) -> None:
    desk.register("ada")
    pair = desk.login("ada")
    desk.update("ada", role="clerk", disabled=False)
    assert desk.principal(pair) is not None


def test_an_enabled_account_may_log_in_again(desk) -> None:
    desk.register("ada")
    desk.update("ada", disabled=True)
    desk.wait(timedelta(seconds=1))
    desk.update("ada", disabled=False)
    assert desk.login("ada")


def test_an_unknown_account_is_not_found(desk) -> None:
    with pytest.raises(NotFound):
        desk.update("nobody", role="clerk")


@pytest.mark.parametrize("changes", [{"role": "clerk"}, {"disabled": True}])
def test_the_last_enabled_admin_stays(desk, changes) -> None:
    create_admin(desk)
    create_admin(desk, username="spare")
    desk.update("spare", disabled=True)
    pair = desk.login("root")
    with pytest.raises(LastAdmin):
        desk.update("root", **changes)
    assert desk.principal(pair) is not None
    desk.update("spare", disabled=False)
    desk.update("root", **changes)
    desk.update("spare", role="admin")


@pytest.mark.parametrize("changes", [{"role": "clerk"}, {"disabled": True}])
def test_admins_who_demote_each_other_at_once_leave_one(desk, at_once, changes) -> None:
    names = ["ada", "bob", "cyd"]
    for name in names:
        create_admin(desk, username=name)
    for _ in range(5):
        outcomes = at_once(*[lambda name=name: desk.update(name, **changes) for name in names])
        refused = [outcome for outcome in outcomes if isinstance(outcome, LastAdmin)]
        assert len(refused) == 1
        for name in names:
            desk.update(name, role="admin", disabled=False)
