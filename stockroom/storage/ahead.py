"""Work done ahead: while one thing is made use of, a thread makes the next."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(things: Iterator[T]) -> Generator[T]:
    """The same things. Close it before what they are made from, for the thread may be at the next one.

    It is for a thread that waits for the database. One that computes keeps Python's lock from whoever does
    the rest: imports became three times as slow when their rows were checked ahead.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, things, end)
        while (thing := coming.result()) is not end:
            coming = thread.submit(next, things, end)
            yield thing  # type: ignore[misc]  # it is not the end
