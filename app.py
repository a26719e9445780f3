"""The composition root: settings, product and contract runtime put together into the ASGI object `app`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Container
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from flask import Flask
from starlette.types import ASGIApp

import handlers
from handlers._errors import problem_for
from handlers._idempotency import IdempotencyKeys
from handlers._uploads import Uploads
from stockroom.accounts import revocation_feed
from stockroom.accounts.attempts import Attempts
from stockroom.accounts.beginning import Beginning
from stockroom.accounts.model import Principal
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocation_feed import RevocationFeed
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.activities.activities import Activities
from stockroom.activities.activity import Activity, Pace
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.document import ContractError
from stockroom.contract.operations import IDEMPOTENCY_KEY
from stockroom.contract.pages import build_pages
from stockroom.contract.problems import Problem
from stockroom.db import migrate
from stockroom.db.connections import Connection, Deadlines
from stockroom.db.damage import Damaged
from stockroom.db.database import OUTAGES, Database, open_database
from stockroom.db.disk_full import is_disk_full
from stockroom.db.files import FileStore
from stockroom.db.read_only import ReadOnly, is_read_only
from stockroom.db.storage import Storage
from stockroom.db.unit_of_work import Work
from stockroom.errors import DomainError
from stockroom.http.addresses import network_of
from stockroom.http.context import RequestContext
from stockroom.http.observer import Observer, RequestObserver
from stockroom.http.rooms import Size
from stockroom.http.service import Dependencies, build_service
from stockroom.process import data_dir, logs
from stockroom.process.readiness import Readiness, database_probe, network_probe, storage_probe
from stockroom.process.server import UnsupportedServerError, require_api_worker
from stockroom.process.telemetry import open_tracing
from stockroom.security_log import SecurityLog
from stockroom.settings import Settings, SettingsError, load
from stockroom.uploads import UploadFolder
from stockroom.work.bounds import Amounts
from tasks.publisher import BrokerPublisher

if TYPE_CHECKING:
    from stockroom.process.api_metrics import ApiMetrics
    from stockroom.process.tracing import Tracing

log = structlog.get_logger(__name__)

# What waits for a core or a disk. SQLite does, too; PostgreSQL is waited for on the event loop.
BLOCKING = {"passwords", "files"}

# Two passwords are hashed at once; the queue is short, for who waits longer than that has given up.
PASSWORD_ROOM = Size(places=4, share=2, waiting=32, patience=2)

# What readiness tells of, besides what the service depends on.
ACTIVITIES = ("revocations", "dispatch", "drift")

SHOWN = Pace(every=1)
"""Metrics of the moment are about as old as this; Prometheus looks at them every 15 seconds or so."""


def __getattr__(name: str) -> ASGIApp:
    """Make `app` when a server asks for it, so that importing this module does nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        settings = load()
        logs.configure(settings)
        require_api_worker()
        made = globals()["app"] = create_app(settings)
    except (ContractError, SettingsError, UnsupportedServerError) as error:
        # Whoever wrote the contract, the settings or the command needs what is at fault, not a traceback.
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
    for exposed in data_dir.prepare(settings):
        log.warning("data.exposed", reason=exposed)
    contract = contract or load_contract(uploads=settings.data_dir)
    metrics, activities = _counters(settings)
    database = database or _open_database(settings)
    revocations = Revocations()
    tracing = open_tracing("stockroom-api")
    parts = _Parts(
        settings=settings,
        database=database,
        beginning=Beginning(database, RevocationFeed(database, revocations)),
        revocations=revocations,
        tokens=Tokens(data_dir.signing_key(settings), revocations),
        publisher=BrokerPublisher(settings, activities, tracing.headers if tracing else dict),
        tracing=tracing,
        activities=activities,
        # Not as often as there are writes that fail.
        writes=activities.standing("writes", Pace(expected=(ReadOnly, OSError))),
        metrics=metrics,
        observer=observer or metrics,
        files=(files := FileStore(settings.files_url)),
        storage=data_dir.storage(settings, files),
    )
    return build_service(contract, parts.dependencies(contract))


def _open_database(settings: Settings) -> Database:
    return open_database(
        settings.database_url,
        connections=settings.database_connections,
        deadlines=Deadlines(
            statement=settings.statement_seconds,
            lock=settings.lock_seconds,
            connection=settings.connection_seconds,
            turn=settings.queue_seconds,
        ),
        pooled=settings.database_pooled,
    )


def _counters(settings: Settings) -> tuple["ApiMetrics | None", Activities]:
    """Who counts, if anybody, and the background activities, which are counted too."""
    if not settings.metrics_port:
        return None, Activities()
    # Here, so that those who ask for no metrics pay nothing: it takes 2 MB, and 50 ms of the start.
    from stockroom.process.activity_metrics import ActivityMetrics  # noqa: PLC0415 - see above
    from stockroom.process.api_metrics import ApiMetrics  # noqa: PLC0415 - see above

    return ApiMetrics(), Activities(ActivityMetrics())


@dataclass(frozen=True)
class _Parts:
    """What lives as long as the process does."""

    settings: Settings
    database: Database
    beginning: Beginning
    revocations: Revocations
    tokens: Tokens
    publisher: BrokerPublisher
    activities: Activities
    writes: Activity
    metrics: "ApiMetrics | None"
    tracing: "Tracing | None"
    observer: Observer | None
    files: FileStore
    storage: Storage

    def dependencies(self, contract: Contract) -> Dependencies:
        clock = self.database.clock
        flask = Flask("stockroom")
        bounds = Amounts(
            tasks=self.settings.account_tasks,
            upload_bytes=self.settings.account_upload_bytes,
            export_bytes=self.settings.account_export_bytes,
        )
        return Dependencies(
            flask=flask,
            handlers=handlers,
            constants={
                "version": contract.document.raw["info"]["version"],
                "pages": build_pages(contract.document, flask),
                "problem_types": contract.catalogue.types,
                "readiness": self._readiness(),
                "settings": self.settings,
                "attempts": Attempts(self.database.work),
                "passwords": Passwords(),
                "tokens": self.tokens,
                "revocations": self.revocations,
                "files": self.files,
                "publisher": self.publisher,
                "bounds": bounds,
            },
            providers={
                "reader": self._reader,
                "work": self._work_in_file if self.settings.embedded else self._work,
                "principal": lambda context: nullcontext(context.principal),
                "network": lambda context: nullcontext(network_of(context.client)),
                "now": lambda context: nullcontext(clock()),
                "log": lambda context: nullcontext(SecurityLog(context.client, context.identify)),
            },
            authenticate=self._authenticate,
            keys=IdempotencyKeys(self.database),
            problem_for=self._problem_for,
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
            admit=Uploads(self.database, self.storage, bounds).admit,
            drift_sample=self.settings.drift_sample,
            observer=self.observer,
            tracer=self._request_spans(),
            activities=self.activities,
        )

    def _authenticate(self, token: str) -> Principal | None:
        if not self.beginning.is_over:
            raise self.beginning.refusal()
        return self.tokens.verify(token, self.database.clock().timestamp())

    def _reader(self, context: RequestContext) -> Connection:
        if not self.beginning.is_over:
            raise self.beginning.refusal()
        return self.database.connect()

    def _work(self, context: RequestContext) -> Work:
        if not self.beginning.is_over:
            raise self.beginning.refusal()
        # An idempotency key is to be kept in the transaction of the request.
        return self.database.work(joined=context.arguments.get(IDEMPOTENCY_KEY) is not None)

    def _work_in_file(self, context: RequestContext) -> Work:
        """The same where more goes into the database than sessions only while there is room."""
        operation = context.operation
        if operation and operation.invalidates and operation.method != "DELETE":
            self.storage.require_for_database()
        return self._work(context)

    def _problem_for(self, error: Exception, statuses: Container[int]) -> Problem | None:
        if is_disk_full(error):
            self.storage.note_full()
        if is_read_only(error):
            self.writes.failed(error)
        if isinstance(error, Damaged):
            self.storage.note_damaged()
        return problem_for(error, statuses)

    def _is_usable(self) -> bool:
        return self.beginning.is_over and not self.storage.is_damaged()

    def _readiness(self) -> Readiness:
        broker, redis = self.settings.broker_url, self.settings.redis_url
        return Readiness(
            {
                "database": database_probe(self.database, self._is_usable, self.writes),
                "broker": None if broker.startswith("filesystem:") else network_probe(broker, 5672),
                "redis": network_probe(redis, 6379) if redis else None,
                "storage": storage_probe(self.storage),
            },
            self.activities,
            ACTIVITIES,
        )

    @asynccontextmanager
    async def _lifespan(self, app: ASGIApp) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(UploadFolder(self.settings.data_dir).clear)
            async with self.database.serving():
                await self._begin()
                try:
                    async with (
                        self.activities.on_loop("revocations", self.beginning.step, revocation_feed.pace()),
                        self._showing(),
                    ):
                        yield
                finally:
                    self.publisher.close()
                    if self.tracing:
                        await asyncio.to_thread(self.tracing.close)
        finally:
            self.database.dispose()

    def _request_spans(self) -> RequestObserver | None:
        if self.tracing is None:
            return None
        from stockroom.process.request_spans import RequestSpans  # noqa: PLC0415 - as with metrics

        return RequestSpans(self.tracing.tracer)

    def _showing(self) -> AbstractAsyncContextManager[None]:
        """Show in metrics, where there are any, what is so at the moment."""
        metrics = self.metrics
        if metrics is None:
            return nullcontext()

        async def show() -> None:
            metrics.show(self.database.usage())

        return self.activities.on_loop("gauges", show, SHOWN)

    async def _begin(self) -> None:
        """Take the first step. Only a database of another version is a reason not to serve."""
        try:
            await self.beginning.step()
        except OUTAGES as error:
            log.warning("start.database_away", reason=str(error))
        except migrate.WrongRevision as error:
            reason = f"the database is {error}"
            log.critical("start.refused", reason=reason)
            raise RuntimeError(reason) from None
