"""Work done ahead: while one thing is made use of, a thread makes the next."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(things: Iterator[T]) -> Generator[T]:
    """The same things. Close it before what they are made from, for the thread may be at the next one.

    Whoever waits for the database lets the thread work; two threads that compute gain nothing.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, things, end)
        while (thing := coming.result()) is not end:
            coming = thread.submit(next, things, end)
            yield thing  # type: ignore[misc]  # it is not the end
