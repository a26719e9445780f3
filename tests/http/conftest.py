"""What tests through HTTP share: a valid request for each operation, and work done that a worker would do."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation
from stockroom.contract.rows import row_validator
from stockroom.settings import Settings
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore
from tasks import execution, imports


@pytest.fixture
def requests_of(contract: Contract) -> Callable[[], Iterator[tuple[Operation, dict[str, Any]]]]:
    """Give each operation of the contract with a valid request for it, made of the contract's examples."""

    def requests_of() -> Iterator[tuple[Operation, dict[str, Any]]]:
        for operation in contract.operations.values():
            yield operation, _example_of(operation, contract)

    return requests_of


def _example_of(operation: Operation, contract: Contract) -> dict[str, Any]:
    url = operation.path
    query, headers = {}, {}
    for parameter in map(contract.document.resolve, operation.spec.get("parameters", [])):
        if parameter["in"] == "path":
            url = url.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        elif parameter.get("required"):
            query[parameter["name"]] = parameter["example"]
        elif parameter["name"] == "If-Match":
            headers["If-Match"] = "*"
    request: dict[str, Any] = {"method": operation.method, "url": url, "params": query, "headers": headers}
    for media, content in operation.spec.get("requestBody", {}).get("content", {}).items():
        example = content["example"]
        request["content"] = example.encode() if isinstance(example, str) else orjson.dumps(example)
        headers["Content-Type"] = media
        break
    return request


@pytest.fixture
def work_off(database: Database, configure: Callable[..., Settings]) -> Callable[[str], None]:
    """Do a task to its end as a worker does, without broker and Celery."""
    files = FileStore(configure().files_url)
    validators = imports.validators(row_validator)

    def run(lease: Any) -> bool:
        return imports.run(
            lease, database=database, files=files, validators=validators, stopping=lambda: False
        )

    return lambda task_id: execution.execute(database, task_id, run, lease_seconds=30)
