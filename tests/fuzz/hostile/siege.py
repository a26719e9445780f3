"""The siege: attacks sent over several connections at once, each answer judged."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from stockroom.contract.conformance import Conformance
from tests.fuzz.hostile.attacks import Attack
from tests.fuzz.hostile.corpus import Corpus
from tests.fuzz.hostile.judge import faults
from tests.fuzz.hostile.wire import Answer, Connection, Unparseable

CONNECTIONS = 8


@dataclass
class Siege:
    """Attacks on the service at `url`; `findings` tell all that is needed to do one again."""

    url: str
    corpus: Corpus
    conformance: Conformance
    findings: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def lay(self, numbers: Iterable[int]) -> None:
        waiting: SimpleQueue[int] = SimpleQueue()
        for number in numbers:
            waiting.put(number)
        threads = [threading.Thread(target=self._attack_all, args=(waiting,)) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _attack_all(self, waiting: "SimpleQueue[int]") -> None:
        bearer = Bearer(self.url)
        try:
            while True:
                number = waiting.get_nowait()
                attack = self.corpus.attack(number)
                self.findings.extend(
                    self._told(number, attack, fault) for fault in self._faults(bearer, attack)
                )
        except Empty:
            bearer.leave()

    def _faults(self, bearer: "Bearer", attack: Attack) -> Iterator[str]:
        try:
            answers, ended = bearer.bear(attack)
        except Unparseable as error:
            bearer.leave()
            yield str(error)
            return
        for answer in answers:
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        yield from faults(attack, answers, self.conformance, ended=ended)

    def _told(self, number: int, attack: Attack, fault: str) -> str:
        raw = b"".join(attack.pieces)
        shown = repr(raw) if len(raw) <= 3_000 else f"{raw[:1_500]!r} … {raw[-1_000:]!r} ({len(raw)} bytes)"
        what = f"{attack.family} on {self.corpus.operation(number).id}"
        return f"attack {number} of seed {self.corpus.seed!r}, {what}: {fault}\n    {shown}"


class Bearer:
    """Bears attacks to the service, one after another, over one connection as long as it lasts."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        self._address = address.hostname, address.port
        self._connection: Connection | None = None

    def bear(self, attack: Attack) -> tuple[list[Answer], bool]:
        """The answers to an attack, and whether the service has closed the connection behind them."""
        connection = self._connection = self._connection or Connection(self._address)
        connection.send(attack.pieces)
        if not attack.finished:
            connection.finish_sending()
        answers, ended = _receive(connection, attack)
        if ended or not attack.finished:
            self.leave()
        return answers, ended

    def leave(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _receive(connection: Connection, attack: Attack) -> tuple[list[Answer], bool]:
    """All that is to come: after the last answer that is due, only what ends the connection."""
    answers: list[Answer] = []
    ahead = [request.id if request.method == "HEAD" else "" for request in attack.asked]
    while ahead or not answers or answers[-1].closes or not attack.finished:
        answer = connection.receive(to_head=ahead.pop(0) if ahead else "")
        if answer is None:
            return answers, True
        answers.append(answer)
    return answers, False
