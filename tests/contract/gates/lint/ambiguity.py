"""Whether a backtracking engine can be made to take more than linear time over a regular expression.

An engine that backtracks tries all ways of reading a text before it says no, so what counts is how many ways
there are. They grow with the text if and only if the automaton has two states p and q, and a text that leads
from p to p, from p to q and from q to q (Weber and Seidl 1991, criterion IDA; used for engines by Weideman et
al. 2016, "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers").

The automaton is Glushkov's: a state for each place of a character in the expression. Counts up to 16 are
written out, ranges of counts taken for `*` or `+`: a thousand ways are as bad as any number of them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

from tests.contract.gates.lint.grammar import Alternatives, Characters, Node, Repeat, Sequence

MOST_WRITTEN_OUT = 16

Ranges = tuple[tuple[int, int], ...]


def is_ambiguous(tree: Node) -> bool:
    """Whether there are texts that can be read in ever more ways, the longer they are.

    Repeats of what may be empty count as such: engines differ in how they stop repeating nothing.
    """
    automaton = _Automaton()
    automaton.add(tree)
    has_two_ways_of_a_step = max(automaton.steps.values(), default=1) > 1
    return automaton.repeats_nothing or has_two_ways_of_a_step or _Walk(automaton).finds_ambiguity()


@dataclass(frozen=True)
class _Part:
    """Of a part of an expression: whether it can be empty, and the states that it can begin and end with."""

    is_empty: bool
    first: frozenset[int]
    last: frozenset[int]


class _Automaton:
    def __init__(self) -> None:
        self.characters: list[Ranges] = []
        # How many ways of reading lead from one state to the next at once; two are an ambiguity of their own.
        self.steps: Counter[tuple[int, int]] = Counter()
        self.repeats_nothing = False

    def add(self, node: Node) -> _Part:
        match node:
            case Characters(ranges):
                self.characters.append(ranges)
                here = frozenset({len(self.characters) - 1})
                return _Part(is_empty=False, first=here, last=here)
            case Sequence(parts):
                return self._sequence(self.add(part) for part in parts)
            case Alternatives(choices):
                found = [self.add(choice) for choice in choices]
                return _Part(
                    any(part.is_empty for part in found),
                    frozenset().union(*(part.first for part in found)),
                    frozenset().union(*(part.last for part in found)),
                )
            case Repeat(part, 0, 1):
                whole = self.add(part)
                return _Part(is_empty=True, first=whole.first, last=whole.last)
            case Repeat(part, least, most) if least == most and least <= MOST_WRITTEN_OUT:
                return self._sequence(self.add(part) for _ in range(least))
        return self._loop(node.part, node.least)

    def _sequence(self, parts: Iterator[_Part]) -> _Part:
        whole = _Part(is_empty=True, first=frozenset(), last=frozenset())
        for part in parts:
            self.steps.update(product(whole.last, part.first))
            whole = _Part(
                whole.is_empty and part.is_empty,
                whole.first | part.first if whole.is_empty else whole.first,
                whole.last | part.last if part.is_empty else part.last,
            )
        return whole

    def _loop(self, node: Node, least: int) -> _Part:
        part = self.add(node)
        self.repeats_nothing |= part.is_empty
        self.steps.update(product(part.last, part.first))
        return _Part(part.is_empty or least == 0, part.first, part.last)


class _Walk:
    """The automaton, walked from three states at once with one text."""

    def __init__(self, automaton: _Automaton) -> None:
        self._states = range(len(automaton.characters))
        self._after = {state: [b for a, b in automaton.steps if a == state] for state in self._states}
        # One character stands for all that no range begins between.
        starts = {first for ranges in automaton.characters for first, _ in ranges}
        self._characters = [
            frozenset(start for start in starts if any(first <= start <= last for first, last in ranges))
            for ranges in automaton.characters
        ]

    def finds_ambiguity(self) -> bool:
        pairs = permutations(self._states, 2)
        return any(self._leads((p, p, q), (p, q, q)) for p, q in pairs)

    def _leads(self, start: tuple[int, ...], goal: tuple[int, ...]) -> bool:
        seen, found = set[tuple[int, ...]](), [start]
        while found:
            for after in product(*(self._after[state] for state in found.pop())):
                if after not in seen and frozenset.intersection(*(self._characters[s] for s in after)):
                    seen.add(after)
                    found.append(after)
        return goal in seen
