"""What the contract says in words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stockroom.contract.document import ContractFault, Document, Pointer
from tests.contract.gates.lint.walk import operations, parts

LONGEST_SUMMARY = 60
# Sentences: the first begins with a capital, code or a figure, the last one ends.
SENTENCES = re.compile(r"[A-Z`0-9].*\.", re.DOTALL)


def summaries(document: Document) -> Iterator[ContractFault]:
    """An operation has a summary of its own: at most 60 characters, and no full stop."""
    seen: set[str] = set()
    for operation in operations(document):
        pointer, summary = (*operation.pointer, "summary"), operation.spec.get("summary", "")
        if not summary or len(summary) > LONGEST_SUMMARY or summary.endswith("."):
            yield pointer, f"a summary has 1 to {LONGEST_SUMMARY} characters and no full stop"
        elif summary.lower() in seen:
            yield pointer, f"another operation has the summary {summary}"
        seen.add(summary.lower())


def descriptions(document: Document) -> Iterator[ContractFault]:
    """Whatever is no schema is described, in sentences that say more than the name or summary."""
    for pointer, node in _described(document):
        text = node.get("description", "").strip()
        if not SENTENCES.fullmatch(text):
            yield pointer, "the description is missing, or is no sentence from capital to full stop"
        elif text.rstrip(".").lower() in (node.get("summary", "").lower(), node.get("name", "").lower()):
            yield pointer, "the description only repeats the name or summary"


def described_schemas(document: Document) -> Iterator[ContractFault]:
    """A schema with a name, of its own or as a property, is described.

    Not where it is plain: a reference by its target, a list by what it holds, an enum by its only value.
    """
    for pointer, schema in parts(document, "schema"):
        is_named = pointer[-2] in ("schemas", "properties")
        is_plain = schema.get("type") == "array" or len(schema.get("enum", ())) == 1
        text = schema.get("description", "")
        if text and not SENTENCES.fullmatch(text.strip()):
            yield pointer, "the description is no sentence from capital to full stop"
        elif is_named and not text and not is_plain:
            yield pointer, f"{pointer[-1]} is not described"


def _described(document: Document) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    yield ("info",), document.raw["info"]
    for kind in ("operation", "parameter", "header", "response"):
        yield from parts(document, kind)
    for index, tag in enumerate(document.raw["tags"]):
        yield ("tags", index), tag
    for slug, problem in document.raw["x-problems"].items():
        yield ("x-problems", slug), problem
    for name, scheme in document.raw["components"]["securitySchemes"].items():
        pointer: Pointer = ("components", "securitySchemes", name)
        yield pointer, scheme
        for flow, spec in scheme.get("flows", {}).items():
            for scope, text in spec["scopes"].items():
                yield (*pointer, "flows", flow, "scopes", scope), {"description": text, "name": scope}
