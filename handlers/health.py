"""Health. These run on the event loop, so that they answer when every thread is busy."""

from typing import Any

from stockroom.errors import NotReady
from stockroom.process.readiness import Readiness


async def live() -> dict[str, str]:
    return {"status": "ok"}


async def ready(*, readiness: Readiness) -> dict[str, Any]:
    dependencies, activities = await readiness.dependencies(), readiness.activities()
    if fault := _fault(dependencies, activities):
        raise NotReady(fault, retry_after=1, dependencies=dependencies, activities=activities)
    return {"status": "ok", "dependencies": dependencies, "activities": activities}


def _fault(dependencies: dict[str, str], activities: dict[str, str]) -> str | None:
    """What the service cannot do without."""
    if dependencies["database"] == "failed":
        return "The database does not answer, can only be read, or is damaged."
    if activities["revocations"] == "failed":
        return "Which sessions have ended is not known here."
    return None
