"""Rows of a file held against a schema of the contract, as request bodies are."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stockroom.contract.document import CONTRACT, read_document
from stockroom.contract.schemas import Schemas, faults

# From the values of a row to (property or None, message) for each fault.
RowValidator = Callable[[Mapping[str, Any]], list[tuple[str | None, str]]]


def row_validator(schema: str, path: Path = CONTRACT) -> RowValidator:
    """Make the validator of `components.schemas.<schema>` of the contract at `path`."""
    schemas = Schemas(read_document(path).raw["components"]["schemas"])
    validator = schemas.validator({"$ref": f"#/components/schemas/{schema}"})

    def validate(row: Mapping[str, Any]) -> list[tuple[str | None, str]]:
        if validator.is_valid(row):
            return []
        return [
            (pointer.split("/")[1] if pointer else None, message)
            for pointer, message in faults(validator, row)
        ]

    return validate
