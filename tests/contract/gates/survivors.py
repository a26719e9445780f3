"""Mutants that no gate sees, and why that is right. We aim to keep this list short."""

from collections.abc import Mapping

# From a pattern (fnmatch) of ids of mutants to the reason.
SURVIVORS: Mapping[str, str] = {}
