"""`python -m tests.contract.gates.oracle FOLDER`: hold facts against the contract; exit 1 if one does not."""

import sys
from pathlib import Path

from tests.contract.gates.oracle import main

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
