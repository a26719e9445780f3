"""Prefetch: while one element is used, a thread makes the next."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(things: Iterator[T]) -> Generator[T]:
    """Yield the same elements. Close this before their source, for the thread may be at work on the next one.

    Use it for a source that waits for the database. One that computes holds Python's global lock: imports
    became three times as slow when their rows were validated in such a thread.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, things, end)
        while (thing := coming.result()) is not end:
            coming = thread.submit(next, things, end)
            yield thing  # type: ignore[misc]  # it is not the end
