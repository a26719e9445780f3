"""Runs the background activities of a process: each until it is stopped, whatever goes wrong in it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from stockroom.activities.activity import Activity, Ended, Observer, Pace, State, Unobserved

STOP_SECONDS = 5.0
"""Seconds that the step under way has to come to its end when its context is left."""


class Activities:
    """The activities of one process, by name.

    A step that ends in an error is taken again, later each time; it is counted by the observer, logged when
    something changes, and shown by `states`.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer: Observer = observer or Unobserved()
        self._standing: dict[str, Activity] = {}

    def observe(self, observer: Observer) -> None:
        """Have another one count from now on."""
        self._observer = observer
        for name in self._standing:
            observer.begun(name)

    def states(self) -> dict[str, State]:
        """How each activity is that lasts as long as the process."""
        return {name: activity.state for name, activity in self._standing.items()}

    @asynccontextmanager
    async def on_loop(
        self, name: str, step: Callable[[], Awaitable[object]], pace: Pace
    ) -> AsyncIterator[None]:
        """Take the step again and again on the running loop, within the context."""
        activity, stopping = self.standing(name, pace), asyncio.Event()
        task = asyncio.create_task(_keep_on(activity, step, stopping), name=name)
        try:
            yield
        finally:
            stopping.set()
            # Not cancelled at once: a thread that works for it would be left with a connection to close.
            await asyncio.wait([task], timeout=STOP_SECONDS)
            task.cancel()

    def in_thread(self, name: str, step: Callable[[], object], pace: Pace) -> "ActivityThread":
        """A thread, to be started, that takes the step again and again."""
        return ActivityThread(self.standing(name, pace), step)

    def for_a_while(self, name: str, step: Callable[[], object], pace: Pace) -> "ActivityThread":
        """The same for what ends before the process does, and of which there may be several."""
        return ActivityThread(self._new(name, pace), step)

    def standing(self, name: str, pace: Pace) -> Activity:
        """One that lasts as long as the process, and whose steps are taken by who asks for it."""
        activity = self._standing[name] = self._new(name, pace)
        self._observer.begun(name)
        return activity

    def _new(self, name: str, pace: Pace) -> Activity:
        return Activity(name, pace, lambda: self._observer)


class ActivityThread:
    """A thread that takes a step again and again: until it is stopped, or the step raises Ended.

    Where the pace is `every` 0 the step itself waits for something to do; only Ended ends such a thread.
    """

    def __init__(self, activity: Activity, step: Callable[[], object]) -> None:
        self._activity = activity
        self._step = step
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start, unless it runs. Raises RuntimeError if it was stopped, or there can be no more threads."""
        if self._stopping.is_set():
            raise RuntimeError(f"{self._activity.name} has been stopped")
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._activity.name, daemon=True)
                thread.start()
                self._thread = thread

    def stop(self, seconds: float | None = None) -> None:
        """Take no further step; wait for the one under way, so many seconds at most."""
        self._stopping.set()
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        pace = self._activity.pace
        if self._stopping.wait(pace.delay) and pace.every:
            return
        while True:
            try:
                self._step()
            except Ended:
                return
            except BaseException as error:  # noqa: BLE001 - also SystemExit, which would end the thread in silence
                wait = self._activity.failed(error)
            else:
                wait = self._activity.succeeded()
            if wait and self._stopping.wait(wait) and pace.every:
                return


async def _keep_on(
    activity: Activity, step: Callable[[], Awaitable[object]], stopping: asyncio.Event
) -> None:
    try:
        wait = activity.pace.delay
        while not await _is_set(stopping, wait):
            wait = await _take(activity, step)
    except asyncio.CancelledError as error:
        # Whoever means to end it sets `stopping`; this is told of, and has its way.
        activity.failed(error)
        raise


async def _take(activity: Activity, step: Callable[[], Awaitable[object]]) -> float:
    """Take one step. Returns the seconds until the next one."""
    try:
        await step()
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        # Something that the step waited for was cancelled, and nobody meant the activity.
        return activity.failed(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the activity goes on
        return activity.failed(error)
    return activity.succeeded()


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Whether it is set within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return event.is_set()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
