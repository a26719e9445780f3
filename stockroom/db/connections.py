"""Connections: what queries and actions have of a database, whichever it is and wherever they run."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

import sqlalchemy as sa

from stockroom.db.disk_full import DiskFull
from stockroom.db.statements import Row, Statement, Statements, Values

NOTHING: Values = {}


@dataclass(frozen=True)
class Deadlines:
    """Seconds that a statement may take, that it may wait for a lock, that a connection is used, that a call
    waits for its turn to have one, and that a transaction may stand still between two statements.
    """

    statement: float = 30
    lock: float = 10
    connection: float = 1800
    turn: float = 10
    idle: float = 30


DEADLINES = Deadlines()


class Usage(NamedTuple):
    """How many connections are in use, wait to be used again, and may be there at most; and who waits."""

    in_use: int
    kept: int
    most: int
    waiting: int


class Result:
    """What a statement found, all of it; and how many rows it wrote, where it found none."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Row], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def all(self) -> list[Row]:
        return self._rows

    def one_or_none(self) -> Row | None:
        if len(self._rows) > 1:
            raise sa.exc.MultipleResultsFound(f"{len(self._rows)} rows were found where one was expected")
        return self._rows[0] if self._rows else None

    def one(self) -> Row:
        row = self.one_or_none()
        if row is None:
            raise sa.exc.NoResultFound("no row was found where one was expected")
        return row

    def scalar_one(self) -> Any:
        return self.one()[0]

    def mappings(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [row._asdict() for row in self._rows]


class Connection(ABC):
    """A connection that runs each statement by itself, or in the transaction that was begun.

    All methods raise what SQLAlchemy calls the error: OperationalError where the database is away or does not
    answer in time, IntegrityError, or another DBAPIError.
    """

    def __init__(self, dialect: sa.Dialect, statements: Statements) -> None:
        self.dialect = dialect
        self.in_transaction = False
        self.statements = statements

    def execute(self, statement: sa.Executable, values: Values | Sequence[Values] = NOTHING) -> Result:
        """Run a statement; with several sets of values, once for each, and then nothing is found."""
        if not isinstance(values, Mapping):
            return self._execute_many(statement, values)
        compiled = self.statements.get(statement, values)
        text, parameters = compiled.bound(values)
        if isinstance(statement, sa.TextClause) or compiled.returns_rows:
            return Result(self.ask(compiled, text, parameters), -1)
        return Result([], self.command(text, parameters))

    def _execute_many(self, statement: sa.Executable, sets: Sequence[Values]) -> Result:
        if sets:
            compiled = self.statements.get(statement, sets[0])
            bound = [compiled.bound(values) for values in sets]
            self.command_many(bound[0][0], [parameters for _, parameters in bound])
        return Result([], -1)

    def scalar(self, statement: sa.Executable, values: Values = NOTHING) -> Any:
        """The first value of the first row; None where there is no row."""
        rows = self.execute(statement, values).all()
        return rows[0][0] if rows else None

    def scalars(self, statement: sa.Executable, values: Values = NOTHING) -> list[Any]:
        """The first value of each row."""
        return [row[0] for row in self.execute(statement, values)]

    @abstractmethod
    def stream(
        self, statement: sa.Executable, values: Values = NOTHING, *, size: int
    ) -> Generator[list[Row]]:
        """The rows of a statement, so many at a time, in a transaction. Close it to let go of the rest."""

    def begin(self, begin: str = "BEGIN") -> None:
        # First, so that the command is not taken for one that is to commit by itself.
        self.in_transaction = True
        try:
            self.command(begin, ())
        except BaseException:
            self.in_transaction = False
            raise

    def commit(self) -> None:
        self.command("COMMIT", ())
        self.in_transaction = False

    def rollback(self) -> None:
        self.command("ROLLBACK", ())
        self.in_transaction = False

    @contextmanager
    def savepoint(self, *, keep: bool = True) -> Generator[None]:
        """Undo what is done in here, and nothing else, if it ends in an error, or is not to be kept."""
        self.command("SAVEPOINT attempt", ())
        try:
            yield
        except DiskFull:
            # The database may have undone the whole transaction; nobody goes on with it.
            raise
        except Exception:
            self.command("ROLLBACK TO SAVEPOINT attempt", ())
            raise
        self.command("RELEASE SAVEPOINT attempt" if keep else "ROLLBACK TO SAVEPOINT attempt", ())

    @abstractmethod
    def require_writable(self) -> None:
        """Raise ReadOnly where nothing can be written now. Nothing is written to find out."""

    @abstractmethod
    def close(self) -> None:
        """Give it back; what was not committed is rolled back. It may be called twice."""

    @abstractmethod
    def ask(self, statement: Statement, text: str, parameters: Sequence[Any]) -> list[Row]:
        """The rows that a statement finds."""

    @abstractmethod
    def command(self, text: str, parameters: Sequence[Any]) -> int:
        """How many rows a statement wrote; -1 where that means nothing."""

    @abstractmethod
    def command_many(self, text: str, sets: Sequence[Sequence[Any]]) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
