"""`oneOf` with a `discriminator` (OpenAPI 3.0): a value is held against the one branch that it names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from stockroom.frozen import frozen


class ValidationFault(Protocol):
    """One fault, the steps to it from the root of the value, and those to what it breaks in the contract."""

    @property
    def instance_path(self) -> Iterable[str | int]: ...

    @property
    def schema_path(self) -> Iterable[str | int]: ...

    @property
    def kind(self) -> object:
        """Which rule it breaks, as jsonschema-rs puts it; None if it is none of the schema's keywords."""

    @property
    def message(self) -> str: ...


class Validator(Protocol):
    """What jsonschema-rs makes of a schema, as far as it is used here."""

    def is_valid(self, instance: Any) -> bool: ...

    def iter_errors(self, instance: Any) -> Iterator[ValidationFault]: ...


@frozen
class _Unnamed:
    """The fault of a value that names no branch."""

    instance_path: tuple[str | int, ...]
    message: str
    schema_path: tuple[str, ...] = ("discriminator",)
    kind: None = None


@frozen
class Discriminated:
    """Validates by the one branch that the `member` of a value names; all its faults are that branch's own.

    Plain `oneOf` could only tell that no branch fits, as it cannot know which one was meant.
    """

    member: str
    branches: Mapping[str, Validator]
    is_object: Validator

    def is_valid(self, instance: Any) -> bool:
        branch = self._branch(instance)
        return branch is not None and branch.is_valid(instance)

    def iter_errors(self, instance: Any) -> Iterator[ValidationFault]:
        branch = self._branch(instance)
        if branch:
            return branch.iter_errors(instance)
        names = ", ".join(f'"{branch}"' for branch in self.branches)
        what = "is not" if self.member in instance else "is required:"
        return iter([_Unnamed((self.member,), f'"{self.member}" {what} one of {names}')])

    def _branch(self, instance: Any) -> Validator | None:
        """What to hold a value against; None if it is an object that names no branch."""
        if not isinstance(instance, dict):
            return self.is_object
        name = instance.get(self.member)
        return self.branches.get(name) if isinstance(name, str) else None


def branches_of(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The branches of a schema by the names of its `discriminator.mapping`; None if it has no such mapping.

    Raises ValueError for a mapping that leaves out a branch or names what is none: `oneOf` and mapping must
    take the same values.
    """
    mapping = schema.get("discriminator", {}).get("mapping")
    if mapping is None or "oneOf" not in schema:
        return None
    if sorted(mapping.values()) != sorted(branch.get("$ref", "") for branch in schema["oneOf"]):
        raise ValueError("the discriminator's mapping and oneOf do not name the same schemas")
    return {name: {"$ref": reference} for name, reference in mapping.items()}
