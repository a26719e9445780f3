"""`python -m tests.contract.gates.lint`: print what breaks a rule of ours, and exit 1 if anything does."""

import sys

from stockroom.contract.document import CONTRACT, ContractError, read_document
from tests.contract.gates.lint import lint

if __name__ == "__main__":
    try:
        faults = lint(read_document(CONTRACT))
    except ContractError as error:
        faults = [str(error)]
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    sys.exit(bool(faults))
