"""Things made ahead: the same, in their order, one at a time more than were asked for."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from stockroom.exports.prefetch import prefetch


def test_all_come_in_their_order() -> None:
    assert list(prefetch(iter(range(100)))) == list(range(100))
    assert list(prefetch(iter([]))) == []
    assert list(prefetch(iter([None, (), 0]))) == [None, (), 0]


def test_the_next_is_made_in_another_thread_and_no_more_than_that() -> None:
    made: list[int] = []
    makers = set()
    asked = threading.Event()

    def make() -> Iterator[int]:
        for number in range(5):
            makers.add(threading.get_ident())
            made.append(number)
            if number == 1:
                asked.set()
            yield number

    with closing(prefetch(make())) as things:
        assert next(things) == 0
        assert asked.wait(10)
        assert made == [0, 1]
    assert makers - {threading.get_ident()}
    assert len(makers) == 1


def test_a_fault_comes_in_its_turn() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    things = prefetch(make())
    assert next(things) == 1
    with pytest.raises(ValueError, match="no more"):
        next(things)


def test_closing_waits_for_what_is_being_made() -> None:
    begun, go = threading.Event(), threading.Event()
    made = []

    def make() -> Iterator[int]:
        yield 0
        begun.set()
        go.wait(10)
        made.append(1)
        yield 1

    things = prefetch(make())
    next(things)
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()
    things.close()
    assert made == [1]
