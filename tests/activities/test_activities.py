"""Background activities go on whatever goes wrong in them, and end when they are told to."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from queue import Queue

import pytest
import structlog

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Ended, Pace
from tests.observer import Failures

# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0
SOON = Pace(every=0.001)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 0.001)


class Steps:
    """Steps that end as they are told to, one after the other, and then well."""

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.taken = 0
        self.went_well = threading.Event()

    def take(self) -> None:
        self.taken += 1
        if self.errors and (error := self.errors.pop(0)):
            raise error
        self.went_well.set()

    async def take_on_loop(self) -> None:
        self.take()


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_for, condition)


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def test_on_a_loop_an_activity_comes_back_from_any_error() -> None:
    # A future that somebody else has cancelled ends a task like an error does.
    steps = Steps(KeyError("x"), ExceptionGroup("y", [ValueError()]), asyncio.CancelledError(), MemoryError())
    activities = Activities(failures := Failures())

    async def run() -> None:
        async with activities.on_loop("feed", steps.take_on_loop, SOON):
            await until(lambda: activities.states()["feed"] == "failed")
            await until(steps.went_well.is_set)
            await until(lambda: activities.states()["feed"] == "ok")

    asyncio.run(run())
    assert (failures.counts, failures.failing) == ({"feed": 4}, set())


def test_on_a_loop_an_activity_ends_with_its_context_after_the_step_under_way() -> None:
    ended = []

    async def run() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def step() -> None:
            begun.set()
            await go.wait()
            ended.append(True)

        async with Activities().on_loop("feed", step, SOON):
            await begun.wait()
            asyncio.get_running_loop().call_later(0.01, go.set)
        assert ended == [True]
        assert [task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}] == []

    with structlog.testing.capture_logs() as logged:
        asyncio.run(run())
    assert logged == []


def test_a_cancelled_activity_is_cancelled_and_does_not_end_in_silence() -> None:
    activities = Activities(failures := Failures())

    async def run(step: Callable[[], Awaitable[object]], pace: Pace) -> None:
        async with activities.on_loop("feed", step, pace):
            await asyncio.sleep(0)
            (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "feed")
            await asyncio.sleep(0.01)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            assert activities.states()["feed"] == "failed"

    with structlog.testing.capture_logs() as logged:
        # In the midst of a step, and between two.
        asyncio.run(run(lambda: asyncio.sleep(PATIENCE), SOON))
        asyncio.run(run(lambda: asyncio.sleep(0), Pace(every=PATIENCE)))
    assert failures.counts == {"feed": 2}
    assert [line["event"] for line in logged] == ["activity.failed"] * 2


def test_who_waits_for_the_end_can_be_cancelled() -> None:
    async def run() -> None:
        async with Activities().on_loop("feed", lambda: asyncio.sleep(0.01), SOON):
            await asyncio.sleep(PATIENCE)

    async def cancel() -> None:
        task = asyncio.create_task(run())
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())


@pytest.mark.parametrize(
    "error", [KeyError("x"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), MemoryError()]
)
def test_a_thread_comes_back_from_any_error(error: BaseException) -> None:
    steps = Steps(error, error)
    activities = Activities(failures := Failures())
    thread = activities.in_thread("feed", steps.take, SOON)
    thread.start()
    assert steps.went_well.wait(PATIENCE)
    thread.stop(PATIENCE)
    assert (failures.counts, failures.failing) == ({"feed": 2}, set())
    assert activities.states() == {"feed": "ok"}


def test_a_stopped_thread_takes_no_further_step_and_stays_stopped() -> None:
    steps = Steps()
    thread = Activities().in_thread("feed", steps.take, SOON)
    thread.start()
    thread.start()
    assert steps.went_well.wait(PATIENCE)
    thread.stop(PATIENCE)
    assert "feed" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(RuntimeError, match="feed has been stopped"):
        thread.start()


def test_a_thread_that_fails_stops_at_once() -> None:
    steps = Steps(*[KeyError("x")] * 100_000)
    thread = Activities().in_thread("feed", steps.take, Pace(every=PATIENCE, longest=PATIENCE))
    thread.start()
    wait_for(lambda: steps.taken > 3)
    thread.stop(PATIENCE)
    assert "feed" not in {thread.name for thread in threading.enumerate()}


def test_a_thread_begins_after_its_delay_and_never_if_it_is_stopped_before() -> None:
    steps = Steps()
    thread = Activities().in_thread("feed", steps.take, Pace(every=1, delay=PATIENCE))
    thread.start()
    thread.stop(PATIENCE)
    assert steps.taken == 0
    assert "feed" not in {thread.name for thread in threading.enumerate()}


def test_what_waits_for_work_does_all_of_it_before_it_ends() -> None:
    waiting: Queue[int | None] = Queue()
    done: list[int] = []

    def step() -> None:
        number = waiting.get()
        if number is None:
            raise Ended
        if number == 2:
            raise KeyError("2")
        done.append(number)

    activities = Activities(failures := Failures())
    thread = activities.in_thread("queue", step, Pace())
    for number in (1, 2, 3, None):
        waiting.put(number)
    thread.start()
    thread.stop(PATIENCE)
    assert (done, failures.counts) == ([1, 3], {"queue": 1})


def test_what_lasts_for_a_while_is_counted_and_no_matter_of_the_process() -> None:
    steps = Steps(KeyError("x"))
    activities = Activities(failures := Failures())
    thread = activities.for_a_while("lease", steps.take, SOON)
    thread.start()
    assert steps.went_well.wait(PATIENCE)
    thread.stop(PATIENCE)
    assert activities.states() == {}
    assert failures.counts == {"lease": 1}


def test_who_counts_may_be_known_late() -> None:
    steps = Steps()
    activities = Activities()
    thread = activities.in_thread("feed", steps.take, SOON)
    activities.observe(failures := Failures())
    assert failures.counts == {"feed": 0}
    steps.errors.append(KeyError("x"))
    thread.start()
    assert steps.went_well.wait(PATIENCE)
    thread.stop(PATIENCE)
    assert failures.counts == {"feed": 1}
