"""The catalogue of problem types; the `type` of a problem refers to it."""

from collections.abc import Mapping

from stockroom.errors import NotFound


async def list_problems(*, problem_types: Mapping[str, object]) -> dict[str, list[object]]:
    return {"problems": list(problem_types.values())}


async def read(slug: str, *, problem_types: Mapping[str, object]) -> object:
    if slug not in problem_types:
        raise NotFound(f"There is no problem type {slug}.")
    return problem_types[slug]
