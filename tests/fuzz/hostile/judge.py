"""What must not happen: an answer that is none, a fault of ours, and an answer to what nobody asked."""

import re
from collections.abc import Iterator, Sequence
from io import BufferedReader, BytesIO
from typing import cast

from stockroom.contract.conformance import Conformance
from stockroom.process import protocol
from tests.fuzz.hostile.attacks import Asked, Attack
from tests.fuzz.hostile.wire import Answer, read_answer

# What the server says by itself of bytes that are no request, or one with a method that it does not know.
REFUSALS = [
    read_answer(cast("BufferedReader", BytesIO(said)), "")
    for said in (protocol.REFUSAL, protocol.UNKNOWN_METHOD)
]
# A request that cannot be read has no method and no path, and its id is made up by the service.
UNREAD = Asked("", "", "")
MADE_UP = re.compile(r"[0-9a-f]{32}")


def faults(
    attack: Attack, answers: Sequence[Answer], conformance: Conformance, *, ended: bool
) -> Iterator[str]:
    """What is wrong with the answers to an attack; `ended` is whether the service closed the connection."""
    ahead = list(attack.asked)
    for answer in answers:
        request = _request(answer, ahead)
        if request is None:
            yield f"an answer to {answer.request_id!r}, which nobody asked: {_brief(answer)}"
        elif answer not in REFUSALS:
            yield from _declared(answer, request, conformance)
    yield from _missing(attack, answers, ahead, ended=ended)
    if attack.refused and [answer.status for answer in answers] != [400]:
        yield f"not refused: {[_brief(answer) for answer in answers]}"


def _request(answer: Answer, ahead: list[Asked]) -> Asked | None:
    """What it answers: the next request, or one that was beyond reading and ends the connection."""
    if ahead and answer.request_id == ahead[0].id:
        return ahead.pop(0)
    unread = answer.status == 400 and answer.closes and MADE_UP.fullmatch(answer.request_id)
    return UNREAD if unread or answer in REFUSALS else None


def _declared(answer: Answer, request: Asked, conformance: Conformance) -> Iterator[str]:
    if answer.status >= 500 and answer.status != 501:
        yield f"a fault of the service: {_brief(answer)}"
        return
    for fault in conformance.faults(request.method, request.path, answer.status, answer.headers, answer.body):
        yield f"{fault}: {_brief(answer)}"


def _missing(
    attack: Attack, answers: Sequence[Answer], ahead: Sequence[Asked], *, ended: bool
) -> Iterator[str]:
    said = bool(answers) and answers[-1].closes
    if said and not ended:
        yield "the connection was said to close, and did not"
    if not attack.finished:
        return
    if not answers:
        yield "no answer"
    elif ahead and not said:
        yield f"no answer to {[request.id for request in ahead]}"
    elif ended and not said:
        yield "the connection was closed without a word"


def _brief(answer: Answer) -> str:
    return f"{answer.status} {answer.body[:300]!r}"
