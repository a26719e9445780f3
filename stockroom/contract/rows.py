"""Rows of a file held against a schema of the contract, as request bodies are."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stockroom.contract.document import CONTRACT, read_document
from stockroom.contract.reasons import Reasons
from stockroom.contract.schemas import Schemas

# From the values of a row to (property or None, reason in words) for each fault.
RowValidator = Callable[[Mapping[str, Any]], list[tuple[str | None, str]]]


def row_validator(schema: str, path: Path = CONTRACT) -> RowValidator:
    """Make the validator of `components.schemas.<schema>` of the contract at `path`."""
    components = read_document(path).raw["components"]["schemas"]
    validator = Schemas(components).validator({"$ref": f"#/components/schemas/{schema}"})
    reasons = Reasons(components)

    def validate(row: Mapping[str, Any]) -> list[tuple[str | None, str]]:
        return [] if validator.is_valid(row) else list(reasons.of(validator, row))

    return validate
