"""The gate that holds the contract's examples against their schemas, and what it says of wrong ones."""

from pathlib import Path

from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.document import CONTRACT
from tests.contract.changes import Change, find, replace
from tests.contract.gates.examples import example_faults

# What is spoiled, the line that must be named, and what must be said.
SPOILED: dict[str, tuple[Change, str, str]] = {
    "a request": (
        replace("operationId: handlers.items.create", "reorder_point: 25", "reorder_point: -1"),
        "operationId: handlers.items.create > example:",
        "the example at /reorder_point is wrong: value is less than the minimum of 0",
    ),
    "a named request": (
        replace("operationId: handlers.movements.record", "quantity: 12", "quantity: few"),
        "operationId: handlers.movements.record > transfer:",
        'the example at /lines/0/quantity is wrong: value is not of type "integer"',
    ),
    "an answer": (
        replace("    Movement:\n      description", "created_by: ada", "created_by: Ada"),
        "    Movement:\n      description > example:",
        "the example at /created_by is wrong: value does not match",
    ),
    "a parameter": (
        replace("    MovementId:\n", "example: 4711", "example: many"),
        "    MovementId:\n > example:",
        'the example is wrong: value is not of type "integer"',
    ),
    "a header": (
        replace("    RateLimit-Policy:\n", ";w=60", ""),
        "    RateLimit-Policy:\n > example:",
        "the example is wrong: value does not match",
    ),
    "the title of a problem": (
        replace("    SkuTaken:\n", "title: This SKU is taken", "title: Taken"),
        "    SkuTaken:\n > example:",
        "/problems/sku-taken has the status 409 and the title 'This SKU is taken'",
    ),
    "the type of a problem": (
        replace("    LocationTaken:\n > example:", "/problems/location-taken", "/problems/sku-taken"),
        "    LocationTaken:\n > example:",
        "the example at /type is wrong: value is not ",
    ),
}


def test_every_example_is_what_its_schema_says(contract: Contract) -> None:
    assert example_faults(contract) == []


def test_each_wrong_example_is_told_with_its_line(tmp_path: Path) -> None:
    text = CONTRACT.read_text()
    for change, _, _ in SPOILED.values():
        text = change(text)
    path = tmp_path / "openapi" / "openapi.yaml"
    path.parent.mkdir()
    path.write_text(text)
    told = example_faults(load_contract(tmp_path, path))
    for what, (_, trail, message) in SPOILED.items():
        last = trail.rpartition(" > ")[2].strip()
        line = 1 + text.count("\n", 0, text.index(last, find(text, trail)))
        assert [fault for fault in told if fault.startswith(f"openapi/openapi.yaml:{line}: {message}")], (
            what,
            told,
        )
    # And nothing else is.
    assert len({fault.partition(": ")[0] for fault in told}) == len(SPOILED)
