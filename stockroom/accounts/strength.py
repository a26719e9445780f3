"""Which passwords are easy to guess: the common ones, and those that zxcvbn would guess early."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib import resources

SERVICE = "stockroom"

# The logarithm of the guesses from which on zxcvbn gives its highest score.
_STRONG = 10

# What zxcvbn is given, as its time grows with the square of the length: 4 ms for forty of the worst.
_LONGEST = 40

# zxcvbn tries all that the symbols among letters may stand for, for seconds where there are many. Here each
# stands for one letter; digits, which it knows as letters too, are fewer and cost little.
_AS_LETTERS = str.maketrans("@({[<!|$+%", "accccilstx")

_SHORTEST_NAME = 4


def weakness(password: str, *, names: Iterable[str]) -> str | None:
    """Why a password is easy to guess, in words that follow "The password"; None if it is not.

    Whoever guesses begins with the `names` of the account and of the service, so these count for nothing.
    """
    folded = _folded(password)
    if _letters(folded) in _common():
        return "is one of the most common ones"
    whole = _plain(folded)
    known = sorted((_plain(_folded(name)) for name in (*names, SERVICE)), key=len, reverse=True)
    rest = whole
    for name in known:
        if len(name) >= _SHORTEST_NAME:
            rest = rest.replace(name, "")
    reason = _guessed_early(rest, known)
    if reason and rest != whole:
        return "is easy to guess: user name, e-mail address and the name of this service make it no stronger"
    return reason


def _guessed_early(text: str, known: list[str]) -> str | None:
    # Here, so that a process that never makes a password does without its 9 MB of words.
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415 - see above

    found = zxcvbn(text[:_LONGEST], known)
    if found.guesses_log10 >= _STRONG:
        return None
    warning = found.feedback and found.feedback.warning
    why = str(warning).rstrip(".") if warning else "It has few parts, and guessers try such parts first"
    return f"is easy to guess. {why}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _plain(folded: str) -> str:
    """The text without spaces, which make it no harder to guess."""
    return "".join(folded.translate(_AS_LETTERS).split())


def _letters(folded: str) -> str:
    """Letters and digits alone: punctuation makes a known phrase no harder to guess either."""
    return "".join(character for character in folded if character.isalnum())


@cache
def _common() -> frozenset[str]:
    text = resources.files("stockroom.accounts").joinpath("blocklist.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
