"""Values: dataclasses that nobody changes."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """A dataclass, compared and hashed by its fields, which mypy keeps anybody from setting.

    `dataclass(frozen=True, slots=True)` keeps them from it at run time, too. To make an item and write it as
    JSON takes four times as long with that; orjson asks for slots one by one.
    """
    return dataclass(unsafe_hash=True)(kind)
