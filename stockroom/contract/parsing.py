"""The contract handed to Connexion as a whole, which parses it and holds it against OpenAPI's own schema."""

from collections.abc import Iterator
from typing import Any

from connexion import ConnexionMiddleware
from connexion.exceptions import InvalidSpecification
from starlette.types import Receive, Scope, Send

from stockroom.contract.document import ContractError, ContractFault, Document, Pointer


def add_contract(connexion: ConnexionMiddleware, document: Document) -> None:
    """Raises ContractError, with the first fault that Connexion finds."""
    # Connexion would look for them on the network.
    faults = [document.fault(*fault) for fault in _lost_references(document, document.raw, ())]
    if faults:
        raise ContractError("\n".join(faults))
    try:
        connexion.add_api(document.raw)
    except InvalidSpecification as error:
        raise ContractError(document.fault(tuple(error.absolute_path), error.message[:300])) from error


def check_document(document: Document) -> None:
    """Raises ContractError when Connexion does not take the document."""
    add_contract(ConnexionMiddleware(_nobody), document)


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of a contract that is only checked."""


def _lost_references(document: Document, node: Any, pointer: Pointer) -> Iterator[ContractFault]:
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str) and not _is_found(document, node):
            yield (*pointer, "$ref"), f"{target} is nowhere in this document"
        for name, value in node.items():
            yield from _lost_references(document, value, (*pointer, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _lost_references(document, value, (*pointer, index))


def _is_found(document: Document, reference: dict[str, Any]) -> bool:
    try:
        document.resolve(reference)
    except (LookupError, TypeError):
        return False
    return True
