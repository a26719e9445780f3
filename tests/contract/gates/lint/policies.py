"""Who may do a thing, how often, and whether twice: policies that are legal and unwise."""

from collections.abc import Iterator

from stockroom.contract.document import ContractFault, Document
from tests.contract.gates.lint.walk import operations, parts

MOVES_STOCK = "stock:write"


def explicit_security(document: Document) -> Iterator[ContractFault]:
    """An operation says what token it asks for; `[]` is none. Nobody opens one by forgetting a line."""
    for pointer, spec in parts(document, "operation"):
        if "security" not in spec:
            yield pointer, "the operation does not say whom it is for"


def limits(document: Document) -> Iterator[ContractFault]:
    """What asks for a token or changes anything is limited."""
    for operation in operations(document):
        if "x-rate-limit" not in operation.spec and (operation.spec["security"] or operation.method != "get"):
            yield operation.pointer, "the operation has no x-rate-limit"


def shared_answers(document: Document) -> Iterator[ContractFault]:
    """Only answers to GET are kept, and those to callers with a token vary by role or user."""
    for operation in operations(document):
        cache = operation.spec.get("x-cache")
        if cache and operation.method != "get":
            yield (*operation.pointer, "x-cache"), "the answer to a change is kept"
        if cache and operation.spec["security"] and not cache["vary"]:
            yield (*operation.pointer, "x-cache"), "one caller gets the answer to another"


def idempotency(document: Document) -> Iterator[ContractFault]:
    """A POST that moves stock or begins long work takes an Idempotency-Key, or it would happen twice."""
    for operation in operations(document):
        is_twice = MOVES_STOCK in operation.scopes or operation.success == "202"
        if operation.method == "post" and is_twice and not operation.takes("Idempotency-Key"):
            yield operation.pointer, "the operation takes no Idempotency-Key"
