"""`python -m tests.contract.gates.mutants FOLDER`: try mutants; exit 1 if one survives without a reason."""

import sys

from tests.contract.gates.mutants import main

if __name__ == "__main__":
    sys.exit(main())
