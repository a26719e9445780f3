"""The composition root: settings, product and contract runtime put together into the ASGI object `app`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from flask import Flask
from starlette.types import ASGIApp

import handlers
from stockroom import data_dir, logs
from stockroom.actions import sessions
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.document import ContractError
from stockroom.contract.drift import Observer, Unobserved
from stockroom.contract.exchange import Exchange
from stockroom.contract.idempotency import Kept, Key, KeyTaken
from stockroom.contract.operations import IDEMPOTENCY_KEY
from stockroom.contract.pages import build_pages
from stockroom.contract.problems import Problem
from stockroom.contract.rooms import Size
from stockroom.contract.security import REALM
from stockroom.contract.service import Surroundings, build_service
from stockroom.domain.accounts import scope_text
from stockroom.domain.errors import DomainError, MissingScope
from stockroom.readiness import Readiness, database_probe, network_probe
from stockroom.security.passwords import Passwords
from stockroom.security.revocations import Revocations
from stockroom.security.tokens import Tokens
from stockroom.settings import Settings, SettingsError, load
from stockroom.storage import idempotency, migrate
from stockroom.storage.connections import Deadlines
from stockroom.storage.engines import Database, Work, open_database
from stockroom.storage.files import FileStore
from tasks.dispatch import Dispatcher

log = structlog.get_logger(__name__)

# Seconds between two looks at the feed of ended sessions: a logout reaches every process within one.
POLL = 0.5
# The database is away or overwhelmed; nothing of the request was done.
OUTAGES = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
# What waits for a core or a disk. SQLite does, too; PostgreSQL is waited for on the event loop.
BLOCKING = {"passwords", "files"}


# Two passwords are hashed at once; the queue is short, for who waits longer than that has given up.
PASSWORD_ROOM = Size(places=4, share=2, waiting=32, patience=2)


def __getattr__(name: str) -> ASGIApp:
    """Make `app` when a server asks for it, so that importing this module does nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        settings = load()
        logs.configure(settings)
        made = globals()["app"] = create_app(settings)
    except (ContractError, SettingsError) as error:
        # Whoever wrote the contract or the settings needs the lines at fault, not where we noticed.
        for fault in str(error).splitlines():
            log.critical("start.refused", reason=fault)
        # gunicorn's APP_LOAD_ERROR; after any other code it would try again for ever.
        sys.exit(4)
    return made


def create_app(
    settings: Settings,
    *,
    contract: Contract | None = None,
    database: Database | None = None,
    observer: Observer | None = None,
) -> ASGIApp:
    """Make the whole service. Raises ContractError or SettingsError when it cannot be run as configured."""
    data_dir.prepare(settings)
    contract = contract or load_contract(uploads=settings.data_dir)
    parts = _Parts(
        settings=settings,
        database=database or _open_database(settings),
        revocations=(revocations := Revocations()),
        tokens=Tokens(data_dir.signing_key(settings), revocations),
        dispatcher=Dispatcher(settings),
        observer=observer or _counters(settings),
    )
    return build_service(contract, parts.surroundings(contract))


def _open_database(settings: Settings) -> Database:
    return open_database(
        settings.database_url,
        connections=settings.threads + 4,
        deadlines=Deadlines(
            statement=settings.statement_seconds,
            lock=settings.lock_seconds,
            connection=settings.connection_seconds,
        ),
        pooled=settings.database_pooled,
    )


def _counters(settings: Settings) -> Observer:
    if not settings.metrics_port:
        return Unobserved()
    # Here, so that those who ask for no metrics pay nothing: it takes 2 MB, and 50 ms of the start.
    from stockroom.metrics import ContractMetrics  # noqa: PLC0415 - see above

    return ContractMetrics()


@dataclass(frozen=True)
class _Parts:
    """What lives as long as the process does."""

    settings: Settings
    database: Database
    revocations: Revocations
    tokens: Tokens
    dispatcher: Dispatcher
    observer: Observer

    def surroundings(self, contract: Contract) -> Surroundings:
        clock = self.database.clock
        flask = Flask("stockroom")
        return Surroundings(
            flask=flask,
            handlers=handlers,
            constants={
                "version": contract.document.raw["info"]["version"],
                "pages": build_pages(contract.document, flask),
                "problem_types": contract.catalogue.types,
                "readiness": self._readiness(),
                "settings": self.settings,
                "passwords": Passwords(),
                "tokens": self.tokens,
                "revocations": self.revocations,
                "files": FileStore(self.settings.files_url),
                "dispatcher": self.dispatcher,
            },
            providers={
                "reader": lambda exchange: self.database.connect(),
                "work": lambda exchange: self.database.work(joined=_has_key(exchange)),
                "principal": lambda exchange: nullcontext(exchange.principal),
                "now": lambda exchange: nullcontext(clock()),
            },
            authenticate=lambda token: self.tokens.verify(token, clock().timestamp()),
            keys=_Keys(self.database),
            explain=explain,
            is_recorded=lambda error: isinstance(error, DomainError) and error.recorded,
            lifespan=self._lifespan,
            blocking=BLOCKING | ({"reader", "work"} if self.settings.embedded else set()),
            redis_url=self.settings.redis_url or None,
            enforce_limits=self.settings.rate_limits == "enforce",
            trusted_proxies=self.settings.trusted_proxies,
            common_room=Size(
                self.settings.threads,
                # What one caller has under way is all that another waits for.
                share=max(self.settings.threads // 2, 1),
                patience=self.settings.queue_seconds,
            ),
            rooms={"passwords": PASSWORD_ROOM},
            run=self.database.run,
            drift_sample=self.settings.drift_sample,
            observer=self.observer,
        )

    def _readiness(self) -> Readiness:
        broker, redis = self.settings.broker_url, self.settings.redis_url
        return Readiness(
            {
                "database": database_probe(self.database),
                "broker": None if broker.startswith("filesystem:") else network_probe(broker, 5672),
                "redis": network_probe(redis, 6379) if redis else None,
            }
        )

    @asynccontextmanager
    async def _lifespan(self, app: ASGIApp) -> AsyncIterator[None]:
        try:
            async with self.database.serving():
                await self.database.run(self._require_migrated)
                stopping = asyncio.Event()
                last = await self._poll(0)
                following = asyncio.create_task(self._follow_revocations(last, stopping))
                try:
                    yield
                finally:
                    # Awaited, not cancelled: its thread would be left with a connection that nobody closes.
                    stopping.set()
                    await following
                    self.dispatcher.close()
        finally:
            self.database.dispose()

    def _require_migrated(self) -> None:
        with self.database.connect() as reader:
            current = migrate.current(reader)
        if current != migrate.head():
            reason = f"the database is at revision {current}, not {migrate.head()}: run `stockroom migrate`"
            log.critical("start.refused", reason=reason)
            raise RuntimeError(reason)

    async def _follow_revocations(self, after: int, stopping: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), POLL)
                return
            try:
                after = await self._poll(after)
            except OUTAGES as error:
                log.warning("revocations.database_away", error=str(error))

    async def _poll(self, after: int) -> int:
        def poll() -> int:
            with self.database.connect() as reader:
                return sessions.poll(reader, self.revocations, after, self.database.clock())

        return await self.database.run(poll)


def explain(error: Exception) -> Problem | None:
    """The problem that tells a client of `error`; None if it is a fault of ours."""
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
        if isinstance(error, MissingScope):
            scopes = scope_text(error.scopes)
            headers["WWW-Authenticate"] = f'{REALM}, error="insufficient_scope", scope="{scopes}"'
        elif error.code in CHALLENGES:
            headers["WWW-Authenticate"] = CHALLENGES[error.code]
        return Problem(error.code, error.detail, errors=error.errors, headers=headers, members=error.members)
    if isinstance(error, OUTAGES):
        log.warning("database.away", error=str(error))
        return Problem(
            "unavailable",
            "The database does not answer. Try again in a moment.",
            headers={"Retry-After": "1"},
        )
    return None


def _has_key(exchange: Exchange) -> bool:
    """Whether an idempotency key is to be kept in the transaction of the request."""
    return exchange.arguments.get(IDEMPOTENCY_KEY) is not None


CHALLENGES = {"invalid-credentials": REALM, "invalid-token": f'{REALM}, error="invalid_token"'}


@dataclass(frozen=True)
class _Keys:
    """The contract's idempotency keys in the product's storage."""

    database: Database

    def find(self, key: Key) -> Kept | None:
        with self.database.connect() as reader:
            row = idempotency.find(reader, key, self.database.clock())
        return None if row is None else Kept(row.fingerprint, row.status, row.headers, row.body)

    def save(self, work: Work, key: Key, kept: Kept) -> None:
        values = {
            "fingerprint": kept.fingerprint,
            "status": kept.status,
            "headers": kept.headers,
            "body": kept.body,
        }
        if not idempotency.save(work, key, values):
            raise KeyTaken
