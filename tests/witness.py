"""A witness of what the service answers in tests: it records, and lets nothing pass that is not declared."""

from collections.abc import Mapping
from typing import Any

from stockroom.contract.conformance import Conformance
from tests.contract.gates.facts import record


class Witness:
    """Sees requests and their answers, however they were sent."""

    def __init__(self, conformance: Conformance) -> None:
        self._conformance = conformance

    def see(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        answer_headers: Mapping[str, str],
        answer_body: bytes,
    ) -> None:
        """Record an answer to what was sent to `url`.

        Raises AssertionError where the contract does not declare it.
        """
        fact = record(method, url, headers, body, status, answer_headers, answer_body)
        faults = self._conformance.faults(method, fact.path, status, fact.answer_headers, answer_body)
        assert not faults, f"{method} {url} answered {status}: {faults}: {answer_body[:500]!r}"

    def see_response(self, response: Any) -> None:
        """The same for a response of httpx, whose body has been read."""
        request = response.request
        self.see(
            request.method,
            str(request.url),
            request.headers,
            request.read(),
            response.status_code,
            response.headers,
            response.content,
        )

    async def see_response_later(self, response: Any) -> None:
        """The same as an event hook of an asynchronous client, which is called before the body is read."""
        await response.aread()
        self.see_response(response)
