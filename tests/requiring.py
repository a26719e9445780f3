"""What tests need that a newcomer's machine may not have."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, as `what` is missing ("Redis cannot be reached"), or fail it where nothing may be."""
    if os.environ.get("STOCKROOM_TEST_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what}, and is required here")
    pytest.skip(what)
