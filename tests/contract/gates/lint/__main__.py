"""`python -m tests.contract.gates.lint`: print what is not valid or breaks a rule of ours; exit 1."""

import sys

from stockroom.contract.document import CONTRACT, ContractError, read_document
from tests.contract.gates.lint import lint
from tests.contract.gates.lint.validity import invalidities

if __name__ == "__main__":
    try:
        document = read_document(CONTRACT)
        faults = invalidities(document) or lint(document)
    except ContractError as error:
        faults = [str(error)]
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    sys.exit(bool(faults))
