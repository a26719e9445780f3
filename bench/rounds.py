"""The measurement: each server in turn, round after round, so that what disturbs the machine disturbs all."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

from bench import conformity, databases, load, processes
from bench.servers import STOCKROOM, Running, Server, running
from bench.usage import measuring
from bench.works import Asker, Work, log_in

WARM_UP = 1.0
"""Seconds of load before each measurement, which nobody counts."""


@dataclass(frozen=True)
class Measurement:
    """One work on one server in one round. Times are in seconds; `memory` is in bytes, the highest so far.

    `postgresql_seconds` is the CPU time of PostgreSQL for these requests, `cpu_seconds` the server's own.
    """

    round: int
    server: str
    work: str
    requests: int
    seconds: float
    cpu_seconds: float
    postgresql_seconds: float
    p50: float
    p99: float
    size: float
    memory: int

    @property
    def per_cpu_second(self) -> float:
        return self.requests / self.cpu_seconds

    @property
    def postgresql_per_request(self) -> float:
        return self.postgresql_seconds / self.requests


def check(servers: Sequence[Server], urls: Mapping[str, str]) -> list[str]:
    """What servers answer otherwise than Stockroom, in lines; none if all of them do the same work."""
    said = {}
    for server in {STOCKROOM.name: STOCKROOM, **{server.name: server for server in servers}}.values():
        with running(server, urls[server.database]) as up:
            said[server.name] = conformity.answers(up.url, urls[server.database])
    reference = said[STOCKROOM.name]
    wrong = [f"stockroom: {name}: {text}" for name, text in reference.items() if name.endswith(": status")]
    return wrong + [
        f"{name}: {line}" for name, other in said.items() for line in conformity.differences(reference, other)
    ]


def measure(
    servers: Sequence[Server], works: Sequence[Work], urls: Mapping[str, str], *, rounds: int, seconds: float
) -> Iterator[Measurement]:
    """Measure everything, for so many rounds. Raises LoadError where a server does not do its work."""
    for number in range(rounds):
        # Another one begins each round.
        turn = number % len(servers)
        for server in (*servers[turn:], *servers[:turn]):
            with running(server, urls[server.database]) as up:
                for work in works:
                    try:
                        yield _measure(number, server, up, urls[server.database], work, seconds)
                    except load.LoadError as error:
                        raise load.LoadError(f"{server.title}, {work.title}: {error}") from None
                    if work.writes:
                        databases.reset(urls[server.database])


def _measure(
    number: int, server: Server, up: Running, database_url: str, work: Work, seconds: float
) -> Measurement:
    with httpx.Client(base_url=up.url, timeout=30) as client:
        token = log_in(client)
        asker = Asker(client, random.Random(number), seconds)  # noqa: S311 - nothing secret is drawn
        warming, asked = work.requests(asker), work.requests(asker)
    sent = "" if work.anonymous else token
    load.run(up.url, sent, warming, connections=work.connections, seconds=WARM_UP)
    with measuring(up, database_url) as used:
        done = load.run(up.url, sent, asked, connections=work.connections, seconds=seconds)
    if not done.requests:
        raise load.LoadError(f"nothing was answered within {seconds} s")
    return Measurement(
        round=number,
        server=server.name,
        work=work.name,
        requests=done.requests,
        seconds=done.seconds,
        cpu_seconds=used.server,
        postgresql_seconds=used.postgresql,
        p50=done.p50,
        p99=done.p99,
        size=done.size,
        memory=processes.peak_memory(up.session),
    )
