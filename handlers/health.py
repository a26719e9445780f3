"""Health. These run on the event loop, so that they answer when every thread is busy."""

from typing import Any

from stockroom.errors import NotReady
from stockroom.process.readiness import Readiness


async def live() -> dict[str, str]:
    return {"status": "ok"}


async def ready(*, readiness: Readiness) -> dict[str, Any]:
    states = await readiness.states()
    if states["database"] == "failed":
        raise NotReady("The database does not answer.", retry_after=1, dependencies=states)
    return {"status": "ok", "dependencies": states}
