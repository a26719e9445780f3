"""What a request is given of the database, once it may be used, and whom its token names."""

from collections.abc import Container
from dataclasses import dataclass

from handlers._errors import problem_for
from stockroom.accounts.beginning import Beginning
from stockroom.accounts.model import Principal
from stockroom.accounts.tokens import Tokens
from stockroom.activities.activity import Activity, Pace
from stockroom.contract.operations import IDEMPOTENCY_KEY
from stockroom.contract.problems import Problem
from stockroom.db.connections import Connection
from stockroom.db.damage import Damaged
from stockroom.db.database import Database
from stockroom.db.disk_full import is_disk_full
from stockroom.db.read_only import ReadOnly, is_read_only
from stockroom.db.storage import Storage
from stockroom.db.unit_of_work import Work
from stockroom.http.context import RequestContext

WRITES = Pace(expected=(ReadOnly, OSError))
"""Writes that fail are logged as an activity is: not as often as there are some."""


@dataclass(frozen=True)
class Access:
    """The database as requests see it. `writes` is told of those that cannot be done.

    Each way in looks at the beginning itself: a call more would be on the path of every request.
    """

    database: Database
    beginning: Beginning
    tokens: Tokens
    storage: Storage
    writes: Activity

    def authenticate(self, token: str) -> Principal | None:
        if not self.beginning.is_over:
            raise self.beginning.refusal()
        return self.tokens.verify(token, self.database.clock().timestamp())

    def reader(self, context: RequestContext) -> Connection:
        if not self.beginning.is_over:
            raise self.beginning.refusal()
        return self.database.connect()

    def work(self, context: RequestContext) -> Work:
        if not self.beginning.is_over:
            raise self.beginning.refusal()
        # An idempotency key is to be kept in the transaction of the request.
        return self.database.work(joined=context.arguments.get(IDEMPOTENCY_KEY) is not None)

    def work_in_file(self, context: RequestContext) -> Work:
        """The same where more goes into the database than sessions only while there is room."""
        operation = context.operation
        if operation and operation.invalidates and operation.method != "DELETE":
            self.storage.require_for_database()
        return self.work(context)

    def problem_for(self, error: Exception, statuses: Container[int]) -> Problem | None:
        """The problem that tells of `error`; readiness tells of its cause from now on."""
        if is_disk_full(error):
            self.storage.note_full()
        if is_read_only(error):
            self.writes.failed(error)
        if isinstance(error, Damaged):
            self.storage.note_damaged()
        return problem_for(error, statuses)

    def is_usable(self) -> bool:
        return self.beginning.is_over and not self.storage.is_damaged()
