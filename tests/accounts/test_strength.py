"""Which passwords are refused as easy to guess, and at what cost."""

import subprocess
import sys
from importlib import resources
from typing import Any

import pytest
import zxcvbn_rs_py
from hypothesis import given
from hypothesis import strategies as st

from stockroom.accounts.strength import weakness

NAMES = ("lovelace", "countess@example.com", "countess", "example")
LIST = resources.files("stockroom.accounts").joinpath("blocklist.txt").read_text("utf-8")
COMMON = [line for line in LIST.splitlines() if not line.startswith("#")]


def why(password: str) -> str:
    return weakness(password, names=NAMES) or ""


def test_the_three_thousand_most_common_ones_are_refused() -> None:
    assert len(set(COMMON)) > 3000
    for common in COMMON:
        assert why(common) == why(f"{common.upper()} !") == "is one of the most common ones"


@pytest.mark.parametrize(
    ("weak", "reason"),
    [
        ("1q2w3e4r5t6y7u8i9o0p", "easy to guess"),
        ("iloveyou1234567890", "easy to guess"),
        ("P@ssw0rd12345678", "easy to guess"),
        ("!QAZ2wsx#EDC4rfv", "most common"),
        ("%TGB6yhn&UJM8ik<", "easy to guess"),
        ("$RFV %TGB ^YHN &UJM", "easy to guess"),
        ("(OL>8ik,&UJM6yhn", "easy to guess"),
        ("bgt56YHNmju7*IK<", "easy to guess"),
        ("2wsxCDE3$RFVbgt5^YHN", "easy to guess"),
        ("Zebra42!Zebra42!", "Repeats"),
        ("xyxyxyxyxyxyxyxyxy", "Repeats"),
        ("zyxwvutsrqponmlk", "Sequences"),
        ("Summer2024Holiday", "few parts"),
        ("password 1234 5678", "most common"),
        ("The Quick Brown Fox", "most common"),
        ("\uff41" * 15, "most common"),
        ("my name is lovelace", "user name"),
        ("lovelace lovelace!", "user name"),
        ("write to COUNTESS soon", "e-mail address"),
        ("countess@example.com", "e-mail address"),
        ("Stockroom2024!!", "name of this service"),
    ],
)
def test_what_guessers_try_early_is_refused_and_the_reason_told(weak: str, reason: str) -> None:
    assert reason in why(weak)


@pytest.mark.parametrize(
    "strong",
    [
        "nine tall ships sailed by",
        "fifteen-letters-and-a-hat",
        "Straße 9 im großen Dorf",
        "x8$Kq2!pLz0@vN7",
        # A part that is known is no matter either.
        "!QAZ and nine tall ships",
        "harbourlanternmoss",
        # A name within a word is no matter if the rest is strong.
        "lovelace rows past nine green herons",
    ],
)
def test_other_passwords_are_taken_as_they_are(strong: str) -> None:
    assert why(strong) == ""


def test_names_shorter_than_four_letters_do_not_count() -> None:
    assert weakness("grandpa reads novels", names=("and", "rea")) is None


@given(st.text(max_size=128))
def test_no_text_is_too_odd_to_be_judged(text: str) -> None:
    why(text)


@pytest.mark.parametrize("text", ["4@8({[<69|1!/7+0$5%2" * 6, "\ufdfa" * 128, "31121999" * 16])
def test_zxcvbn_is_given_no_more_than_it_can_judge_in_milliseconds(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []

    def judge(password: str, names: list[str]) -> Any:
        judged.append(password)
        return original(password, names)

    original = zxcvbn_rs_py.zxcvbn
    monkeypatch.setattr(zxcvbn_rs_py, "zxcvbn", judge)
    why(text)
    # 1.2 s for a hundred characters of the first text as they are; 4 ms for forty without its symbols. They
    # are read once as letters and once as keys.
    assert [len(password) for password in judged] in ([40], [40, 40])
    assert not set("".join(judged)) & set("@({[<!|$+%")


def test_the_words_are_loaded_by_who_judges_a_password_alone() -> None:
    program = "import sys, stockroom.accounts.actions; assert 'zxcvbn_rs_py' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
