"""Access tokens: what is issued is accepted until it expires or is revoked, and nothing else ever is."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockroom.accounts.model import Principal
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import LIFETIME, Tokens

KEY = b"0123456789abcdef0123456789abcdef"
ISSUED_AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOW = ISSUED_AT.timestamp()
SCOPES = frozenset({"items:read", "stock:write"})
HEADER = {"alg": "HS256", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": "stockroom",
    "aud": "stockroom",
    "sub": "ada",
    "jti": "j1",
    "sid": "s1",
    "scope": "items:read stock:write",
    "iat": int(NOW),
    "exp": int(NOW) + LIFETIME,
}


def segment(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def signed(claims: object, header: object = HEADER, key: bytes = KEY) -> str:
    """Any claims, correctly signed: what is refused is refused for what it says."""
    texts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signing_input = ".".join(segment(text) for text in texts)
    return f"{signing_input}.{segment(hmac.digest(key, signing_input.encode(), hashlib.sha256))}"


@pytest.fixture
def revocations() -> Revocations:
    return Revocations()


@pytest.fixture
def tokens(revocations: Revocations) -> Tokens:
    return Tokens(KEY, revocations)


def test_an_issued_token_names_its_principal_until_the_very_second_it_expires(tokens: Tokens) -> None:
    token = tokens.issue("ada", "s1", SCOPES, ISSUED_AT)
    ada = Principal(subject="ada", scopes=SCOPES, session="s1")
    assert tokens.verify(token, NOW) == ada
    assert tokens.verify(token, NOW + LIFETIME - 0.001) == ada
    assert tokens.verify(token, NOW + LIFETIME) is None


def test_an_expired_token_is_refused_by_who_sees_it_for_the_first_time(tokens: Tokens) -> None:
    token = tokens.issue("ada", "s1", SCOPES, ISSUED_AT)
    assert Tokens(KEY, Revocations()).verify(token, NOW + LIFETIME) is None


def test_a_token_without_scopes_is_good_for_nothing_in_particular(tokens: Tokens) -> None:
    principal = tokens.verify(tokens.issue("ada", "s1", frozenset(), ISSUED_AT), NOW)
    assert principal == Principal("ada", frozenset(), "s1")


def test_issued_tokens_carry_the_claims_of_the_contract_and_no_two_are_equal(tokens: Tokens) -> None:
    first, second = (tokens.issue("ada", "s1", SCOPES, ISSUED_AT) for _ in range(2))
    assert first != second
    assert jwt.get_unverified_header(first) == HEADER
    claims = jwt.decode(first, options={"verify_signature": False})
    assert claims.keys() == CLAIMS.keys()
    assert {name: claims[name] for name in CLAIMS if name != "jti"} == {
        name: value for name, value in CLAIMS.items() if name != "jti"
    }


def test_revoking_its_session_refuses_a_token_that_is_remembered(
    tokens: Tokens, revocations: Revocations
) -> None:
    token = tokens.issue("ada", "s1", SCOPES, ISSUED_AT)
    other = tokens.issue("ada", "s2", SCOPES, ISSUED_AT)
    assert tokens.verify(token, NOW) is not None
    revocations.add("s1", ISSUED_AT + timedelta(minutes=12))
    assert tokens.verify(token, NOW) is None
    assert tokens.verify(other, NOW) is not None


def test_remembered_tokens_are_bounded_and_the_forgotten_ones_are_still_good(
    revocations: Revocations,
) -> None:
    tokens = Tokens(KEY, revocations, remembered=3)
    issued = [tokens.issue("ada", f"s{number}", SCOPES, ISSUED_AT) for number in range(10)]
    for token in issued * 2:
        assert tokens.verify(token, NOW) is not None
    assert len(tokens._known) == 3


def test_short_keys_are_refused_at_start() -> None:
    with pytest.raises(ValueError, match="32 or more"):
        Tokens(b"short", Revocations())


def test_the_reference_claims_are_good(tokens: Tokens) -> None:
    assert tokens.verify(signed(CLAIMS), NOW) is not None


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_each_claim_is_required(tokens: Tokens, name: str) -> None:
    assert tokens.verify(signed({claim: CLAIMS[claim] for claim in CLAIMS if claim != name}), NOW) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 10**400},
        {"exp": 10**400, "iat": 10**400 - 1},
        {"exp": int(NOW) + LIFETIME + 1},
        {"exp": float(NOW) + LIFETIME},
        {"exp": True},
        {"exp": str(int(NOW) + LIFETIME)},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": None},
        {"exp": int(NOW)},
        {"iat": True},
        {"iat": -1},
        {"iat": int(NOW) + LIFETIME},
        {"iat": int(NOW) + 100, "exp": int(NOW) + 200},
        {"iss": "another"},
        {"iss": ["stockroom"]},
        {"aud": ["stockroom"]},
        {"aud": "another"},
        {"sub": ""},
        {"sub": "Ada"},
        {"sub": "ada\n"},
        {"sub": 7},
        {"sub": None},
        {"jti": ""},
        {"jti": 1},
        {"sid": "s" * 65},
        {"sid": ["s1"]},
        {"scope": ["items:read"]},
        {"scope": "items:read  stock:write"},
        {"scope": "a " * 500},
        {"nbf": 1},
        {"admin": True},
    ],
)
def test_claims_of_other_types_or_beyond_their_bounds_are_refused(
    tokens: Tokens, claims: dict[str, object]
) -> None:
    assert tokens.verify(signed(CLAIMS | claims), NOW) is None


@pytest.mark.parametrize("claims", [[], "text", 1, None, b"", b"{", b"\xff\xfe", b"[" * 2900, b"9" * 2900])
def test_what_is_no_object_of_claims_is_refused(tokens: Tokens, claims: object) -> None:
    assert tokens.verify(signed(claims), NOW) is None


def test_a_claim_given_twice_is_refused(tokens: Tokens) -> None:
    twice = json.dumps(CLAIMS)[:-1] + ', "sub": "bob"}'
    assert tokens.verify(signed(twice.encode()), NOW) is None


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt"},
        {"alg": "HS512", "typ": "at+jwt"},
        {"alg": "RS256", "typ": "at+jwt"},
        {"alg": ["HS256"], "typ": "at+jwt"},
        {"alg": None, "typ": "at+jwt"},
        {"alg": "HS256"},
        {"alg": "HS256", "typ": "JWT"},
        {"alg": "HS256", "typ": "at+jwt", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "typ": "at+jwt", "crit": ["exp"]},
        {"alg": "HS256", "typ": "at+jwt", "kid": "../../dev/null"},
        {"typ": "at+jwt"},
        [],
        "HS256",
        b"{",
        b"\xff",
        b"[" * 2500,
    ],
)
def test_other_headers_are_refused(tokens: Tokens, header: object) -> None:
    assert tokens.verify(signed(CLAIMS, header), NOW) is None


def test_unsigned_and_foreign_tokens_are_refused(tokens: Tokens) -> None:
    head, body, _ = signed(CLAIMS, {"alg": "none", "typ": "at+jwt"}).split(".")
    assert tokens.verify(f"{head}.{body}.", NOW) is None
    assert tokens.verify(signed(CLAIMS, key=KEY[::-1]), NOW) is None


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "a" * 5_000, "\x00", "ä.ö.ü", "\ud800", "a" * 4_000 + "." + "b" * 5_000]
)
def test_text_that_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    assert tokens.verify(token, NOW) is None


@pytest.mark.parametrize("tail", ["=", "\n", ".", " "])
def test_a_good_token_with_something_behind_it_is_refused(tokens: Tokens, tail: str) -> None:
    assert tokens.verify(signed(CLAIMS) + tail, NOW) is None


def test_a_token_of_more_than_4_kib_is_refused_even_if_signed(tokens: Tokens) -> None:
    padded = json.dumps(CLAIMS) + " " * 4_000
    assert tokens.verify(signed(padded.encode()), NOW) is None


@given(text=st.text())
def test_no_text_raises(text: str) -> None:
    assert Tokens(KEY, Revocations()).verify(text, NOW) is None


@given(header=st.binary(max_size=200), claims=st.binary(max_size=400))
def test_no_signed_octets_raise(header: bytes, claims: bytes) -> None:
    tokens = Tokens(KEY, Revocations())
    assert tokens.verify(signed(claims, header), NOW) is None
    assert tokens.verify(signed(claims), NOW) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(CLAIMS)), value=JSON)
def test_no_claim_of_any_value_raises_or_outlives_the_bounds(name: str, value: object) -> None:
    principal = Tokens(KEY, Revocations()).verify(signed(CLAIMS | {name: value}), NOW)
    if name in {"iss", "aud"} and value != CLAIMS[name]:
        assert principal is None
    if principal is not None and name == "exp":
        assert type(value) is int
        assert NOW < value <= NOW + LIFETIME


@given(name=st.sampled_from(["alg", "typ", "crit", "b64", "kid", "zip"]), value=JSON)
def test_no_header_but_ours_is_accepted(name: str, value: object) -> None:
    header = HEADER | {name: value}
    accepted = Tokens(KEY, Revocations()).verify(signed(CLAIMS, header), NOW) is not None
    assert accepted == (header == HEADER)


@given(place=st.integers(min_value=0), other=st.characters())
def test_no_changed_character_goes_unnoticed(place: int, other: str) -> None:
    token = signed(CLAIMS)
    place %= len(token)
    changed = token[:place] + other + token[place + 1 :]
    accepted = Tokens(KEY, Revocations()).verify(changed, NOW) is not None
    assert accepted == (changed == token)
