"""Who looks on while requests are answered: metrics count, traces show."""

from collections.abc import Callable
from typing import Literal, ParamSpec, Protocol

import structlog
from starlette.types import Scope

from stockroom.contract.conformance import Part
from stockroom.http.context import RequestContext

log = structlog.get_logger(__name__)

P = ParamSpec("P")
Reason = Literal["busy", "failed", "too-long"]
Lookup = Literal["hit", "miss", "away"]


class RequestObserver(Protocol):
    """Sees each request begin and end, on the event loop and in the context of the request."""

    def begun(self, scope: Scope) -> None:
        """A request is there, and nothing is known of it yet."""

    def ended(self, context: RequestContext, status: int) -> None:
        """It was answered, or its client is gone: 499."""


class Observer(RequestObserver, Protocol):
    """Who counts. What follows is called from several threads. `operation` is the id of one."""

    def limited(self, operation: str) -> None:
        """A request was one too many, whether it is refused or limits are only reported."""

    def looked_up(self, operation: str, lookup: Lookup) -> None:
        """The cache was asked for an answer."""

    def checked(self) -> None:
        """An answer was held against the contract."""

    def drifted(self, operation: str, status: int, part: Part) -> None:
        """A part of a checked answer is not as declared. `operation` is empty where none was asked for."""

    def unchecked(self, reason: Reason) -> None:
        """An answer was sampled and could not be checked."""


class Unobserved:
    """Nobody counts."""

    def begun(self, scope: Scope) -> None: ...
    def ended(self, context: RequestContext, status: int) -> None: ...
    def limited(self, operation: str) -> None: ...
    def looked_up(self, operation: str, lookup: Lookup) -> None: ...
    def checked(self) -> None: ...
    def drifted(self, operation: str, status: int, part: Part) -> None: ...
    def unchecked(self, reason: Reason) -> None: ...


def tell(observe: Callable[P, None], *seen: P.args, **more: P.kwargs) -> None:
    """Have an observer see something. Whatever goes wrong there, the request is none the worse for it."""
    try:
        observe(*seen, **more)
    except Exception as error:  # noqa: BLE001 -- see above
        # Without a trace: it would be there again with each request.
        log.error("observer.failed", error=repr(error))  # noqa: TRY400 - see above
