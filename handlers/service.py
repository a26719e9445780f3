"""Welcome."""

from typing import Any


def welcome(*, version: str) -> dict[str, Any]:
    return {
        "message": "This is Stockroom. What do we have, where is it, who moved it.",
        "version": version,
        "links": {
            "docs": "/docs",
            "contract": "/openapi.json",
            "problems": "/problems",
            "health": "/health/ready",
        },
    }
