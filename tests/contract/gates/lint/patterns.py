"""Regular expressions: what clients may run in another engine than ours, and what must not freeze any."""

from collections.abc import Iterator

from stockroom.contract.document import ContractFault, Document
from tests.contract.gates.lint.ambiguity import is_ambiguous
from tests.contract.gates.lint.grammar import NotPortable, read
from tests.contract.gates.lint.walk import parts


def portable_patterns(document: Document) -> Iterator[ContractFault]:
    """A pattern is anchored at both ends and means the same to ECMA-262, Rust and Python."""
    for pointer, schema in parts(document, "schema"):
        try:
            read(schema.get("pattern", "^$"))
        except NotPortable as error:
            yield (*pointer, "pattern"), str(error)


def linear_patterns(document: Document) -> Iterator[ContractFault]:
    """A pattern is matched in linear time, even by the backtracking engines of generated clients."""
    for pointer, schema in parts(document, "schema"):
        try:
            tree = read(schema.get("pattern", "^$"))
        except NotPortable:
            continue
        if is_ambiguous(tree):
            yield (*pointer, "pattern"), f"{schema['pattern']} can be read in ever more ways"
