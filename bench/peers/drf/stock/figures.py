"""The summary's figures."""

from typing import Any

from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from stock.models import Item, Level, Location, Movement


def count() -> dict[str, Any]:
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    totals = Level.objects.filter(item=OuterRef("pk")).values("item").annotate(total=Sum("on_hand"))
    low = Item.objects.annotate(total=Coalesce(Subquery(totals.values("total")), 0))
    return {
        "items": Item.objects.filter(archived=False).count(),
        "archived_items": Item.objects.filter(archived=True).count(),
        "locations": Location.objects.filter(archived=False).count(),
        "units": int(Level.objects.aggregate(units=Sum("on_hand"))["units"] or 0),
        "low_stock": low.filter(archived=False, total__lte=F("reorder_point")).count(),
        "movements_today": Movement.objects.filter(created_at__gte=midnight).count(),
        "as_of": now,
    }
