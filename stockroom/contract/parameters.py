"""Parameters: from the text of a query, path or header to the value a handler gets, strictly."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from stockroom.contract.discriminator import Validator
from stockroom.contract.problems import Problem
from stockroom.contract.schemas import faults, read_time
from stockroom.frozen import frozen

# Python's int() takes more than JSON's integers: `1_000`, ` 5`, `٣`.
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
# In a query or form. A megabyte of them would hold up everybody else for half a second.
MOST_PAIRS = 1_000
ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

RequestFault = dict[str, str]
Reader = Callable[[str], Any]


@frozen
class Parameter:
    """One parameter of an operation; `argument` is its name as a handler's argument.

    One that is `listed` stands in the path and has an enum: of other names there is no such thing.
    """

    name: str
    where: str
    argument: str
    required: bool
    default: Any
    read: Reader
    validator: Validator
    convert: Reader | None
    listed: bool = False

    def bind(self, text: str | None, values: dict[str, Any], errors: list[RequestFault]) -> None:
        """Put the value of `text` into `values`, or what is wrong with it into `errors`.

        Raises Problem where the path leads to nothing.
        """
        if text is None:
            if self.required:
                errors.append({"detail": f"The parameter {self.name} is required.", "parameter": self.name})
            values[self.argument] = self.default
            return
        try:
            value = self.read(text)
        except ValueError as error:
            errors.append({"detail": str(error), "parameter": self.name})
            return
        if not self.validator.is_valid(value):
            if self.listed:
                raise Problem("not-found", "Nothing is at this path.")
            errors.extend(
                {"detail": message, "parameter": self.name} for _, message in faults(self.validator, value)
            )
            return
        values[self.argument] = self.convert(value) if self.convert else value


def reader_of(schema: Mapping[str, Any], item_schema: Mapping[str, Any] | None) -> Reader:
    """How the text of a parameter with `schema` becomes a value; raises ValueError with a sentence."""
    match schema.get("type"):
        case "integer":
            return read_integer
        case "boolean":
            return read_boolean
        case "array":
            read_item = reader_of(item_schema or {"type": "string"}, None)
            return lambda text: [read_item(part) for part in text.split(",")]
        case "string":
            return str
    raise ValueError(f"parameters of type {schema.get('type')} are not supported")


def converter_of(schema: Mapping[str, Any]) -> Reader | None:
    """What makes a valid value the one a handler wants: a date-time an aware datetime."""
    return read_time if schema.get("format") == "date-time" else None


def read_integer(text: str) -> int:
    if INTEGER.fullmatch(text) is None:
        raise ValueError("value is not an integer")
    return int(text)


def read_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("value is neither true nor false")
    return text == "true"


def read_query(raw: bytes) -> dict[str, list[str]]:
    """The pairs of a query string or form, by name. Raises Problem when it cannot be decoded."""
    if raw.count(b"&") >= MOST_PAIRS:
        raise Problem("malformed-request", f"The query or form may have {MOST_PAIRS} parameters.")
    pairs: dict[str, list[str]] = {}
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.setdefault(_decode(name), []).append(_decode(value))
    return pairs


def _decode(part: bytes) -> str:
    if ESCAPE.search(part):
        raise Problem("malformed-request", "A percent sign is not followed by two hexadecimal digits.")
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise Problem("malformed-request", "The query or form is not UTF-8.") from None
    if "\0" in text:
        raise Problem("malformed-request", "The query or form holds a NUL character.")
    return text
