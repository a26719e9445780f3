"""Which passwords are easy to guess: the common ones, and those that zxcvbn would guess early."""

import unicodedata
from collections.abc import Collection, Iterable
from functools import cache
from importlib import resources
from itertools import pairwise

SERVICE = "stockroom"

# The logarithm of the guesses from which on zxcvbn gives its highest score.
_STRONG = 10

# What zxcvbn is given, as its time grows with the square of the length: 4 ms for forty of the worst.
_LONGEST = 40

# zxcvbn tries all that the symbols among letters may stand for, for seconds where there are many. Here each
# stands for one letter; digits, which it knows as letters too, are fewer and cost little.
_AS_LETTERS = str.maketrans("@({[<!|$+%", "accccilstx")

# What keys of a keyboard (US) that are no letters give with the shift key, and without it.
_UNSHIFTED = str.maketrans("!@#$%^&*()<>:?", "1234567890,.;/")

# Walks along two of its columns. zxcvbn knows the columns, but takes each for a part of its own, and four
# parts for strong; with these two make one.
_COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/")
_WALKS = [
    one[::down] + next_one[::further]
    for one, next_one in pairwise(_COLUMNS)
    for down in (1, -1)
    for further in (1, -1)
]

_SHORTEST_NAME = 4


def weakness(password: str, *, names: Iterable[str]) -> str | None:
    """Why a password is easy to guess, in words that follow "The password"; None if it is not.

    Whoever guesses begins with the `names` of the account and of the service, so these count for nothing.
    """
    folded, known = _folded(password), [_folded(name) for name in (*names, SERVICE)]
    # Walks over the keyboard are known by their keys, whether shift is pressed on the way or not.
    readings = dict.fromkeys((folded, folded.translate(_UNSHIFTED)))
    return next(filter(None, (_weakness(reading, known) for reading in readings)), None)


def _weakness(folded: str, names: Collection[str]) -> str | None:
    if _letters(folded) in _common():
        return "is one of the most common ones"
    whole = _plain(folded)
    known = sorted(map(_plain, names), key=len, reverse=True)
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

    found = zxcvbn(text[:_LONGEST], known + _WALKS)
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
