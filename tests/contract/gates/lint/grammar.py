r"""The regular expressions that mean the same to ECMA-262, Rust and Python, read into trees.

They are anchored at both ends and made of characters, classes, groups, alternatives and greedy repeats.
Nothing else is read: `.`, `\d`, `\w` and `\b` differ in what they take for a line, a digit or a word;
lookaround, back references, flags and possessive repeats are not known everywhere.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

LAST = 0x10FFFF
SYNTAX = r"^$\.*+?()[]{}|"
COUNT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([\^$\\.*+?()\[\]{}|]))")
# Rust reads `[`, `&&`, `~~` and `--` in a class as operators.
CLASS_ESCAPE = re.compile(rf"{ESCAPE.pattern}|\\(-)")
CLASS_SYNTAX = r"\[]^&~-"


class NotPortable(ValueError):
    """The pattern may mean another thing to another engine; says what in it, and where."""


@dataclass(frozen=True)
class Characters:
    """One character of any of these ranges, each with its ends."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Sequence:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Alternatives:
    choices: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """`most` is None where there is no end."""

    part: "Node"
    least: int
    most: int | None


Node = Characters | Sequence | Alternatives | Repeat


def read(pattern: str) -> Node:
    """Raises NotPortable."""
    return _Reader(pattern).pattern()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def pattern(self) -> Node:
        if not self._takes("^"):
            self._refuse("does not begin with ^")
        tree = self._sequence()
        if not self._takes("$") or self._at < len(self._text):
            self._refuse("does not end with $, or not all of it lies between ^ and $")
        return tree

    def _alternatives(self) -> Node:
        choices = [self._sequence()]
        while self._takes("|"):
            choices.append(self._sequence())
        return Alternatives(tuple(choices)) if len(choices) > 1 else choices[0]

    def _sequence(self) -> Node:
        parts = []
        while self._next not in ("", "|", ")", "$"):
            parts.append(self._repeat(self._atom()))
        return Sequence(tuple(parts))

    def _repeat(self, part: Node) -> Node:
        for sign, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._takes(sign):
                return Repeat(part, least, most)
        if count := COUNT.match(self._text, self._at):
            self._at = count.end()
            low, comma, high = count.groups()
            return Repeat(part, int(low), int(high) if high else None if comma else int(low))
        return part

    def _atom(self) -> Node:
        if self._takes("("):
            if self._next == "?" and not self._takes("?:"):
                self._refuse("has a group that not every engine knows")
            tree = self._alternatives()
            return tree if self._takes(")") else self._refuse("has a group without an end")
        if self._takes("["):
            return self._class()
        code = self._character(ESCAPE, SYNTAX)
        return Characters(((code, code),))

    def _class(self) -> Node:
        is_negated, ranges = self._takes("^"), list[tuple[int, int]]()
        while not self._takes("]"):
            if self._text.startswith("-]", self._at):
                self._at += 1
                ranges.append((ord("-"), ord("-")))
                continue
            first = last = self._character(CLASS_ESCAPE, CLASS_SYNTAX)
            if self._next == "-" and not self._text.startswith("-]", self._at):
                self._at += 1
                last = self._character(CLASS_ESCAPE, CLASS_SYNTAX)
            ranges.append((first, last))
        if not ranges:
            self._refuse("has an empty class")
        return Characters(_others(ranges) if is_negated else tuple(ranges))

    def _character(self, escape: re.Pattern[str], syntax: str) -> int:
        if found := escape.match(self._text, self._at):
            self._at = found.end()
            return int(found[1], 16) if found[1] else ord(found[0][-1])
        if self._next == "" or self._next in syntax:
            self._refuse("has signs that mean different things to different engines")
        self._at += 1
        return ord(self._text[self._at - 1])

    @property
    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _takes(self, sign: str) -> bool:
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) * found
        return found

    def _refuse(self, what: str) -> NoReturn:
        raise NotPortable(f"{self._text} {what}, at character {self._at + 1}")


def _others(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """All characters but those of `ranges`."""
    gaps, start = [], 0
    for first, last in sorted(ranges):
        if start < first:
            gaps.append((start, first - 1))
        start = max(start, last + 1)
    return (*gaps, (start, LAST)) if start <= LAST else tuple(gaps)
