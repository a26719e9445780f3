"""The contract, read, checked and compiled: everything that depends on it alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stockroom.contract.document import CONTRACT, Document, read_document
from stockroom.contract.operations import Operation, compile_operations
from stockroom.contract.parsing import check_document
from stockroom.contract.policies import check_policies
from stockroom.contract.problems import Catalogue
from stockroom.contract.routes import Routes


@dataclass(frozen=True)
class Contract:
    document: Document
    operations: Mapping[str, Operation]
    catalogue: Catalogue

    @cached_property
    def routes(self) -> Routes:
        return Routes(self.operations)


def load_contract(uploads: Path, path: Path = CONTRACT) -> Contract:
    """Read the contract at `path`; files that clients send are put into `uploads` while they are handled.

    Raises ContractError when it is not valid or makes promises that it does not declare in full.
    """
    document = read_document(path)
    try:
        return compile_contract(document, uploads)
    except Exception:
        # Connexion checks the contract when the service is built. What is no valid OpenAPI causes other
        # faults, and is told of first.
        check_document(document)
        raise


def compile_contract(document: Document, uploads: Path) -> Contract:
    """The contract of a document. Raises ContractError for promises not declared in full."""
    check_policies(document)
    return Contract(document, compile_operations(document, uploads), Catalogue.of(document.raw["x-problems"]))
