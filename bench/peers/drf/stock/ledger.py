"""Recording an issue."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import APIException, NotFound

from stock.models import Item, Level, Location, Movement, MovementLine


class InsufficientStock(APIException):
    status_code = 409


@transaction.atomic
def issue(body: dict[str, Any], *, by: str) -> dict[str, Any]:
    """Take the lines from stock, all of them or none, and record the movement."""
    wanted = {(line["sku"], line["location"]): line["quantity"] for line in body["lines"]}
    levels = _locked(wanted)
    if missing := wanted.keys() - levels.keys():
        raise NotFound(f"Nothing is held at {sorted(missing)}.")
    short = [place for place, level in levels.items() if level.on_hand - level.reserved < wanted[place]]
    if short:
        raise InsufficientStock(f"There is not enough stock at {short}.")
    for place, level in levels.items():
        level.on_hand -= wanted[place]
    Level.objects.bulk_update(levels.values(), ["on_hand"])
    now = timezone.now()
    movement = Movement.objects.create(
        kind=body["kind"],
        reference=body["reference"],
        note=body["note"],
        occurred_at=body["occurred_at"] or now,
        created_at=now,
        created_by=by,
    )
    lines = [
        MovementLine(
            movement=movement,
            line=number,
            item_id=levels[place].item_id,
            location_id=levels[place].location_id,
            delta=-quantity,
        )
        for number, (place, quantity) in enumerate(wanted.items(), 1)
    ]
    MovementLine.objects.bulk_create(lines)
    shown = [{"sku": sku, "location": code, "delta": -quantity} for (sku, code), quantity in wanted.items()]
    names = ("id", "kind", "reference", "note", "occurred_at", "created_at", "created_by")
    return {**{name: getattr(movement, name) for name in names}, "lines": shown}


def _locked(wanted: dict[tuple[str, str], int]) -> dict[tuple[str, str], Level]:
    items = Item.objects.filter(archived=False).in_bulk({sku for sku, _ in wanted}, field_name="sku")
    locations = Location.objects.filter(archived=False).in_bulk(
        {code for _, code in wanted}, field_name="code"
    )
    places = {
        (items[sku].id, locations[code].id): (sku, code)
        for sku, code in wanted
        if sku in items and code in locations
    }
    found = Level.objects.select_for_update().filter(pk__in=list(places)).order_by("item_id", "location_id")
    return {places[level.pk]: level for level in found}
