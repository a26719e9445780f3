"""Exports: files that long work writes."""

from typing import Any

from stockroom.accounts.model import Principal
from stockroom.db.unit_of_work import Work
from stockroom.exports import actions as exports
from stockroom.exports.model import ExportOptions
from stockroom.work.actions import Publisher
from stockroom.work.bounds import Amounts
from stockroom.work.model import Task


def create(
    body: dict[str, Any], *, work: Work, principal: Principal, publisher: Publisher, bounds: Amounts
) -> tuple[Task, dict[str, str]]:
    options = ExportOptions(**body)
    task = exports.begin(work, options, principal=principal, publisher=publisher, bounds=bounds)
    return task, {"Location": f"/tasks/{task.id}", "Retry-After": "1"}
