"""Why a value breaks its schema, in words for people who have never seen the contract."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema_rs import ValidationErrorKind as Kind

from stockroom.contract.discriminator import Validator
from stockroom.contract.schemas import MAX_ERRORS

PATTERN_WORDS = "x-pattern-description"
"""The member of a schema that says in words what its `pattern` allows (contract: `Sku`)."""


class Reasons:
    """The words of one document. A pattern that it does not put into words is only said not to fit."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._patterns = dict(_patterns(components))

    def of(self, validator: Validator, row: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
        """Each fault of a row as (property or None, reason), at most twenty."""
        for error in islice(validator.iter_errors(row), MAX_ERRORS):
            name, *_ = map(str, error.instance_path) if error.instance_path else (None,)
            yield name, f"{name or 'the row'} {self._words(error.kind, error.message)}"

    def _words(self, kind: Any, message: str) -> str:  # noqa: PLR0911 - one line for each rule
        match kind:
            case Kind.Pattern(pattern=pattern):
                return f"must be {self._patterns.get(pattern, 'of another form')}"
            case Kind.MaxLength(limit=limit):
                return f"is longer than {limit} characters"
            case Kind.MinLength(limit=limit):
                return f"is shorter than {limit} character{'s' * (limit != 1)}"
            case Kind.Minimum(limit=limit):
                return f"is less than {limit}"
            case Kind.Maximum(limit=limit):
                return f"is more than {limit}"
            case Kind.MaxItems(limit=limit):
                return f"has more than {limit} entries"
            case Kind.Not(schema={"enum": [value]}):
                return f"must not be {value}"
            case Kind.Format(format=format):
                return f"is not a valid {format}"
        return f"is not as the contract says: {message}"


def _patterns(schema: Any) -> Iterator[tuple[str, str]]:
    """The patterns within `schema` that have words, with these."""
    if isinstance(schema, list):
        for entry in schema:
            yield from _patterns(entry)
    elif isinstance(schema, dict):
        if PATTERN_WORDS in schema:
            yield schema["pattern"], schema[PATTERN_WORDS]
        for entry in schema.values():
            yield from _patterns(entry)
