"""Idempotency keys: those of the contract, kept in the product's database."""

from dataclasses import dataclass

from stockroom.db import idempotency
from stockroom.db.database import Database
from stockroom.db.unit_of_work import Work
from stockroom.http.idempotency import IdempotencyKey, Kept, KeyTaken


@dataclass(frozen=True)
class IdempotencyKeys:
    """The contract's idempotency keys in the product's storage."""

    database: Database

    def find(self, key: IdempotencyKey) -> Kept | None:
        with self.database.connect() as reader:
            row = idempotency.find(reader, key, self.database.clock())
        return None if row is None else Kept(row.fingerprint, row.status, row.headers, row.body)

    def save(self, work: Work, key: IdempotencyKey, kept: Kept) -> None:
        values = {
            "fingerprint": kept.fingerprint,
            "status": kept.status,
            "headers": kept.headers,
            "body": kept.body,
        }
        if not idempotency.save(work, key, values):
            raise KeyTaken
