"""Mutants that no gate sees, and why that is right. We aim to keep this list short."""

from collections.abc import Mapping

# From a pattern (fnmatch) of ids of mutants to the reason.
SURVIVORS: Mapping[str, str] = {
    "* /components/schemas/MovementRow*": (
        "Rows of files stand in no request and no answer. "
        "The tests of imports hold rows against this very schema."
    ),
    "change-cache-vary *": (
        "Each answer is as true when fewer share it. That they share it as declared is proved with running "
        "services by prove_reads.py, which takes from the contract what to prove."
    ),
    "drop-pattern /components/schemas/Password/pattern: dropped": (
        "It forbids NUL, which bodies.py and parameters.py refuse in every body, whatever its schema."
    ),
    "add-nullable /components/schemas/PasswordGrant/*": "The values of a form are texts; none is null.",
}
