"""What the last release declared deprecated may go or change once the day of its sunset lies behind."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.contract.changes import Change, add, all_of, cut, replace, without
from tests.contract.gates.breaking.table import HARMLESS, changed, present, schema, told

SUMMARY, TAG = "\n  /summary:", "\n  /items: > - name: tag"
UNIT, LOW = f"{schema('NewItem')} > unit:", f"{schema('Level')} > low: {{"
SUNSET = date(2027, 6, 14)


def lines(indent: int, sunset: date = SUNSET) -> str:
    members = ("deprecated: true", f"x-deprecation: {{since: '2027-01-01', sunset: '{sunset}', link: /docs}}")
    return "".join(f"\n{' ' * indent}{member}" for member in members)


def summary(sunset: date = SUNSET) -> Change:
    return add(f"{SUMMARY} > get:", lines(6, sunset))


def tag(sunset: date = SUNSET) -> Change:
    return add(TAG, lines(10, sunset))


def unit(sunset: date = SUNSET) -> Change:
    reference = "{$ref: '#/components/schemas/Unit'}"
    return replace(UNIT, f" {reference}", f"\n          allOf: [{reference}]{lines(10, sunset)}")


def low(sunset: date = SUNSET) -> Change:
    members = lines(0, sunset).strip("\n").replace("\n", ", ")
    return replace(LOW, "{", f"{{{members}, ")


@pytest.mark.parametrize(
    ("deprecation", "change", "broken"),
    [
        pytest.param(
            summary(),
            cut(SUMMARY, "  /imports:"),
            "the operation is gone before its sunset, 2027-06-14",
            id="an operation goes",
        ),
        pytest.param(summary(), without(f"{SUMMARY} > '503'"), "the 503 is gone", id="an operation changes"),
        pytest.param(
            tag(), cut(TAG, "        - name: archived"), "the query tag is gone", id="a parameter goes"
        ),
        pytest.param(
            tag(), add(TAG, "\n          required: true"), "it is required", id="a parameter is asked for"
        ),
        pytest.param(unit(), without(UNIT), "unit is gone", id="a member of a body goes"),
        pytest.param(
            unit(),
            replace(UNIT, "{$ref: '#/components/schemas/Unit'}", "{type: string, maxLength: 5}"),
            "maxLength was 20, is 5",
            id="a member of a body changes",
        ),
        pytest.param(
            low(),
            all_of(without(LOW), replace(schema("Level"), ", low]", "]")),
            "low is gone",
            id="a member of an answer goes",
        ),
        pytest.param(
            low(),
            replace(schema("Level"), ", low]", "]"),
            "low is no longer required",
            id="a member of an answer is left out at times",
        ),
    ],
)
def test_what_is_deprecated_may_go_after_its_sunset(deprecation: Change, change: Change, broken: str) -> None:
    before, after = changed(deprecation), changed(change)
    days = (SUNSET - timedelta(days=1), SUNSET, SUNSET + timedelta(days=1))
    assert [told(before, after, today) for today in days] == [broken, broken, HARMLESS]


@pytest.mark.parametrize("deprecate", [summary, tag, unit, low])
def test_a_sunset_may_be_put_off_and_not_brought_forward(deprecate: Callable[[date], Change]) -> None:
    sooner, later = changed(deprecate(SUNSET)), changed(deprecate(date(2027, 12, 31)))
    today = date(2027, 6, 1)
    assert told(sooner, later, today) == HARMLESS
    assert told(later, sooner, today) == "the sunset was 2027-12-31, is 2027-06-14"


def test_what_is_deprecated_may_be_kept_after_all() -> None:
    assert told(changed(summary()), present()) == HARMLESS


def test_a_deprecation_that_was_not_released_excuses_nothing() -> None:
    after = changed(summary(date(2027, 1, 2)), without(f"{SUMMARY} > '503'"))
    assert told(present(), after, date(2028, 1, 1)) == "the 503 is gone"
