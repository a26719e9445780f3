"""Exports: files that long work writes."""

from typing import Any

from stockroom.actions import exports
from stockroom.actions.tasks import Publisher
from stockroom.domain.accounts import Principal
from stockroom.domain.exports import ExportOptions
from stockroom.domain.tasks import Task
from stockroom.storage.engines import Work


def create(
    body: dict[str, Any], *, work: Work, principal: Principal, dispatcher: Publisher
) -> tuple[Task, dict[str, str]]:
    task = exports.begin(work, ExportOptions(**body), principal=principal, publisher=dispatcher)
    return task, {"Location": f"/tasks/{task.id}", "Retry-After": "1"}
