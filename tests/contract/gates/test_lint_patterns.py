"""Which regular expressions are the same to all engines, and which can be made to take ever longer."""

import pytest

from tests.contract.gates.lint.ambiguity import is_ambiguous
from tests.contract.gates.lint.grammar import NotPortable, read


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[a-z]+", "does not begin with ^"),
        ("^[a-z]+", "does not end with $"),
        ("^a|b$", "not all of it lies between"),
        ("^a$|^b$", "not all of it lies between"),
        ("^a)$", "not all of it lies between"),
        ("^(a$", "has a group without an end"),
        ("^[a-z$", "signs that mean different things"),
        (r"^.*$", "signs that mean different things"),
        (r"^\d+$", "signs that mean different things"),
        (r"^\w+$", "signs that mean different things"),
        (r"^\s?$", "signs that mean different things"),
        (r"^\bword$", "signs that mean different things"),
        (r"^\p{L}+$", "signs that mean different things"),
        (r"^a\Z$", "signs that mean different things"),
        (r"^(a)\1$", "signs that mean different things"),
        (r"^\u0041$", "signs that mean different things"),
        ("^(?=a)a$", "a group that not every engine knows"),
        ("^(?!a)b$", "a group that not every engine knows"),
        ("^(?<=a)b$", "a group that not every engine knows"),
        ("^(?i)a$", "a group that not every engine knows"),
        ("^(?P<name>a)$", "a group that not every engine knows"),
        ("^(?>a+)b$", "a group that not every engine knows"),
        ("^a++$", "signs that mean different things"),
        ("^a+?$", "signs that mean different things"),
        ("^a{,3}$", "signs that mean different things"),
        ("^a{b$", "signs that mean different things"),
        ("^*$", "signs that mean different things"),
        ("^[a&&b]$", "signs that mean different things"),
        ("^[a--b]$", "signs that mean different things"),
        ("^[]a]$", "has an empty class"),
        ("^[^]a]$", "has an empty class"),
        ("^[[:alpha:]]$", "signs that mean different things"),
        (r"^[\d]$", "signs that mean different things"),
    ],
)
def test_what_engines_read_in_different_ways_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(NotPortable, match=reason.replace("^", r"\^").replace("$", r"\$")):
        read(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^a*a*$",
        "^(a+)+$",
        "^(a*)*$",
        "^(a?)*$",
        "^(a|a)*$",
        "^(a|ab|b)*$",
        "^([a-zA-Z]+)*$",
        "^(a|[a-z])+b$",
        "^[a-z]+[0-9a-z]+$",
        "^[^,]*,?[^,]*$",
        r"^[^\x00]*:[^\x00]*$",
        "^([a-z0-9]+-?)+$",
        "^([a-z0-9]+[.-]?)*@$",
        "^(([a-z])+[^0])+[A-Z]([a-z])+$",
        "^ *(a| )* *$",
        "^([a-z]{1,100}){1,100}$",
        "^(x{3})+x{0,90}x*$",
        "^(a+b?)+$",
        "^(é|[à-ü])*$",
    ],
)
def test_what_can_be_read_in_ever_more_ways_is_found(pattern: str) -> None:
    assert is_ambiguous(read(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "^$",
        "^abc$",
        "^a?a?$",
        "^(a|ab)(c|bcd)$",
        "^[a-z][a-z0-9-]{0,39}$",
        "^[a-z]+(-[a-z]+)*$",
        "^([a-z]+,)*[a-z]+$",
        "^[^:]*:[^:]*$",
        "^[^,]{1,100}:[a-z_]{1,40}$",
        "^(ab|ac)*$",
        "^([0-9]{2}){3}$",
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        r'^(\*|(W/)?"[\x21\x23-\x7E]*"(, ?(W/)?"[\x21\x23-\x7E]*")*)$',
        "^(?:a|b)+$",
        "^[+-]?[0-9]+$",
        r"^[\^\-\]\\]+$",
    ],
)
def test_what_is_read_in_few_ways_passes(pattern: str) -> None:
    assert not is_ambiguous(read(pattern))
