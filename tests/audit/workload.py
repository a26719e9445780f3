"""Some of everything that a service does, from all of which an audit has something to check."""

from datetime import timedelta
from typing import Any

from stockroom.db.unit_of_work import Work
from stockroom.reservations import actions as reservations
from stockroom.stock import ledger
from stockroom.stock.model import Draft, Line
from stockroom.summary import actions as summary
from stockroom.work import leases
from tests.contract.gates.home import Headers, Home
from tests.desk import Desk

ITEMS = b"""sku,name,tags
BOLT-M8,Bolt M8,zinc|bolts
NUT-M8,Nut M8,
NUT-M8,Nut M8 zinc plated,
,Nobody,
WASHER,Washer,
"""
MOVEMENTS = b"""sku,quantity,location,reference
BOLT-M8,40,A,PO-9
WASHER,500,B,PO-9
BOLT-M8,-3,A,PO-9
NOTHING,1,A,
BOLT-M8,-5000,A,
"""


def fill(home: Home) -> None:
    """Have an empty service do some of everything. In the end the item LAMP waits to be tallied, alone."""
    _accounts(home)
    shop = _Shop(home, home.sign_in("keeper"))
    shop.catalogue()
    shop.ledger()
    shop.reservations()
    shop.files()
    _expiries(home)
    shop.archive()
    _tally(home)
    shop.post("/movements", receipt("LAMP", "A", 5))


def _accounts(home: Home) -> None:
    """Sessions that go on, one that was ended, an account that was disabled, and failed logins."""
    desk = Desk(home.database)
    for name in ("ann", "bob", "eve"):
        desk.register(name, first_is_admin=False)
    pair = desk.login("ann")
    desk.refresh(pair.refresh_token)
    desk.login("ann", scope="items:read")
    gone = desk.principal(desk.login("bob"))
    assert gone is not None
    desk.logout(gone)
    desk.login("eve")
    desk.update("eve", disabled=True)
    desk.fail("bob", 2)


class _Shop:
    def __init__(self, home: Home, keeper: Headers) -> None:
        self.home = home
        self.keeper = keeper
        self.sent = 0

    def post(self, path: str, body: object, **options: Any) -> dict[str, Any]:
        """Send what has an effect, each time with a new key where the operation takes one."""
        self.sent += 1
        headers = self.keeper | {"Idempotency-Key": f'"key-{self.sent}"'} | options.pop("headers", {})
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        if body is None:
            given = {}
        answer = self.home.client.post(path, headers=headers, **given, **options)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def catalogue(self) -> None:
        for code in ("A", "B", "ATTIC"):
            self.post("/locations", {"code": code, "name": f"Room {code}"})
        for sku, low in (("LAMP", 100), ("AXE", None), ("SAW", 2)):
            self.post(
                "/items", {"sku": sku, "name": sku.title(), "reorder_point": low, "tags": ["tools", "x"]}
            )

    def ledger(self) -> None:
        for sku in ("LAMP", "AXE", "SAW"):
            self.post("/movements", receipt(sku, "A", 60))
        issue = {"kind": "issue", "lines": [stock_line("LAMP", "A", 4)]}
        issued = self.post("/movements", issue)
        self.post("/movements", issue)
        self.post(
            "/movements", {"kind": "adjustment", "lines": [{"sku": "LAMP", "location": "A", "delta": -1}]}
        )
        # What the second line takes is what the first has brought.
        way = [{"sku": "AXE", "from": "A", "to": "B", "quantity": 60}]
        way.append({"sku": "AXE", "from": "B", "to": "ATTIC", "quantity": 20})
        self.post("/movements", {"kind": "transfer", "lines": way})
        self.post("/movements", {"kind": "transfer", "lines": [{**way[1], "from": "ATTIC", "to": "A"}]})
        self.post(f"/movements/{issued['id']}/reversal", None)
        self.post("/counts", {"location": "A", "lines": [{"sku": "SAW", "counted": 55}]})
        as_booked = self.post("/counts", {"location": "A", "lines": [{"sku": "SAW", "counted": 55}]})
        self.post(f"/movements/{as_booked['id']}/reversal", None)
        refused = {"kind": "issue", "lines": [stock_line("SAW", "A", 5_000)]}
        answer = self.home.client.post("/movements", headers=self.keeper, json=refused)
        assert answer.status_code == 409

    def reservations(self) -> None:
        lines = [stock_line("LAMP", "A", 2), stock_line("SAW", "A", 1)]
        self.post("/reservations", {"lines": lines})
        released = self.post("/reservations", {"lines": lines, "reference": "order-1"})
        self.home.client.delete(f"/reservations/{released['id']}", headers=self.keeper).raise_for_status()
        fulfilled = self.post("/reservations", {"lines": lines, "reference": "order-2"})
        self.post(f"/reservations/{fulfilled['id']}/fulfilment", None)

    def files(self) -> None:
        for kind, content, dry_run in (
            ("items", ITEMS, "true"),
            ("items", ITEMS, "false"),
            ("movements", MOVEMENTS, "true"),
            ("movements", MOVEMENTS, "false"),
        ):
            self.home.work_off(self._import(kind, content, dry_run=dry_run)["id"])
        cancelled = self._import("items", ITEMS)
        self.home.client.delete(f"/tasks/{cancelled['id']}", headers=self.keeper).raise_for_status()
        for kind in ("items", "levels", "movements"):
            export = self.post("/exports", {"kind": kind, "format": "csv"})
            self.home.work_off(export["id"])
        with self.home.database.work() as work:
            lease = leases.claim(work, self._import("items", ITEMS)["id"], seconds=1_000)
        assert lease is not None
        with self.home.database.work() as work:
            leases.fail(work, lease, "for the sake of the test")
        with self.home.database.work() as work:
            leases.claim(work, self._import("movements", MOVEMENTS)["id"], seconds=1_000)
        self._import("items", ITEMS)
        self.post("/exports", {"kind": "items", "format": "jsonl"})

    def _import(self, kind: str, content: bytes, **query: str) -> dict[str, Any]:
        return self.post(
            "/imports", content, params={"kind": kind, **query}, headers={"Content-Type": "text/csv"}
        )

    def archive(self) -> None:
        self.post("/items", {"sku": "OLD", "name": "Old"})
        for path in ("/items/OLD", "/locations/ATTIC"):
            self.home.client.delete(path, headers=self.keeper | {"If-Match": "*"}).raise_for_status()


def _expiries(home: Home) -> None:
    """Two reservations of yesterday: one was closed, of the other only the stock of one line was taken."""
    now = home.database.clock()
    then = Work(home.database.connect, now - timedelta(days=1))
    for sku in ("SAW", "AXE"):
        with then:
            lines = [stock_line(sku, "A", 1), stock_line("LAMP", "A", 1)]
            reservations.hold(then, by="keeper", lines=lines)
        if sku == "SAW":
            with home.database.work() as work:
                assert reservations.expire(work, 10) == 1
    with home.database.work() as work:
        ledger.record(work, Draft("issue", (Line("AXE", "A", -1),)), by="keeper")


def _tally(home: Home) -> None:
    more = True
    while more:
        with home.database.work() as work:
            more = summary.update_totals(work) > 0


def stock_line(sku: str, location: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "location": location, "quantity": quantity}


def receipt(sku: str, location: str, quantity: int) -> dict[str, Any]:
    return {"kind": "receipt", "lines": [stock_line(sku, location, quantity)]}
