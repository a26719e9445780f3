"""The composition root: settings, product and contract runtime put together into the ASGI object `app`."""

import sys
from contextlib import nullcontext
from dataclasses import dataclass

import structlog
from flask import Flask
from starlette.types import ASGIApp

import handlers
from handlers._idempotency import IdempotencyKeys
from handlers._uploads import Uploads
from stockroom.accounts.attempts import Attempts
from stockroom.accounts.beginning import Beginning
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocation_feed import RevocationFeed
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.document import ContractError
from stockroom.contract.pages import build_pages
from stockroom.db.connections import Deadlines
from stockroom.db.database import Database, open_database
from stockroom.db.files import FileStore
from stockroom.errors import DomainError
from stockroom.http.addresses import network_of
from stockroom.http.observer import Observer
from stockroom.http.rooms import Size
from stockroom.http.service import Dependencies, build_service
from stockroom.process import data_dir, logs
from stockroom.process.readiness import Readiness, database_probe, network_probe, storage_probe
from stockroom.process.server import UnsupportedServerError, require_api_worker
from stockroom.security_log import SecurityLog
from stockroom.settings import Settings, SettingsError, load
from stockroom.work.bounds import Amounts
from tasks.publisher import BrokerPublisher
from wiring.access import WRITES, Access
from wiring.lifetime import Lifetime
from wiring.observation import Observation, observe

log = structlog.get_logger(__name__)

# What waits for a core or a disk. SQLite does, too; PostgreSQL is waited for on the event loop.
BLOCKING = {"passwords", "files"}

# Two passwords are hashed at once; the queue is short, for who waits longer than that has given up.
PASSWORD_ROOM = Size(places=4, share=2, waiting=32, patience=2)

# What readiness tells of, besides what the service depends on.
ACTIVITIES = ("revocations", "dispatch", "drift")


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
    observation = observe(settings)
    database = database or _open_database(settings)
    revocations = Revocations()
    files = FileStore(settings.files_url)
    tracing = observation.tracing
    parts = _Parts(
        settings=settings,
        access=Access(
            database=database,
            beginning=Beginning(database, RevocationFeed(database, revocations)),
            tokens=Tokens(data_dir.signing_key(settings), revocations),
            storage=data_dir.storage(settings, files),
            writes=observation.activities.standing("writes", WRITES),
        ),
        revocations=revocations,
        publisher=BrokerPublisher(settings, observation.activities, tracing.headers if tracing else dict),
        observation=observation,
        observer=observer or observation.metrics,
        files=files,
    )
    return build_service(contract, parts.dependencies(contract))


def _open_database(settings: Settings) -> Database:
    return open_database(
        settings.database_url,
        connections=settings.database_connections,
        deadlines=Deadlines(
            statement=settings.statement_seconds,
            lock=settings.lock_seconds,
            idle=settings.statement_seconds,
            connection=settings.connection_seconds,
            turn=settings.queue_seconds,
        ),
        pooled=settings.database_pooled,
    )


@dataclass(frozen=True)
class _Parts:
    """What lives as long as the process does."""

    settings: Settings
    access: Access
    revocations: Revocations
    publisher: BrokerPublisher
    observation: Observation
    observer: Observer | None
    files: FileStore

    def dependencies(self, contract: Contract) -> Dependencies:
        access, database = self.access, self.access.database
        clock = database.clock
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
                "attempts": Attempts(database.work),
                "passwords": Passwords(),
                "tokens": access.tokens,
                "revocations": self.revocations,
                "files": self.files,
                "publisher": self.publisher,
                "bounds": bounds,
            },
            providers={
                "reader": access.reader,
                "work": access.work_in_file if self.settings.embedded else access.work,
                "principal": lambda context: nullcontext(context.principal),
                "network": lambda context: nullcontext(network_of(context.client)),
                "now": lambda context: nullcontext(clock()),
                "log": lambda context: nullcontext(SecurityLog(context.client, context.identify)),
            },
            authenticate=access.authenticate,
            keys=IdempotencyKeys(database),
            problem_for=access.problem_for,
            is_recorded=lambda error: isinstance(error, DomainError) and error.recorded,
            lifespan=self._lifetime().span,
            blocking=BLOCKING | ({"reader", "work"} if self.settings.embedded else set()),
            redis_url=self.settings.redis_url or None,
            enforce_limits=self.settings.rate_limits == "enforce",
            trusted_proxies=self.settings.trusted_proxies,
            common_room=Size(
                self.settings.threads,
                # What one caller has under way is all that another waits for.
                share=max(self.settings.threads // 2, 1),
                kept=self.settings.threads // 4,
                patience=self.settings.queue_seconds,
            ),
            rooms={"passwords": PASSWORD_ROOM},
            run=database.run,
            admit=Uploads(database, access.storage, bounds).admit,
            drift_sample=self.settings.drift_sample,
            observer=self.observer,
            tracer=self.observation.request_spans(),
            activities=self.observation.activities,
        )

    def _readiness(self) -> Readiness:
        broker, redis = self.settings.broker_url, self.settings.redis_url
        return Readiness(
            {
                "database": database_probe(self.access.database, self.access.is_usable, self.access.writes),
                "broker": None if broker.startswith("filesystem:") else network_probe(broker, 5672),
                "redis": network_probe(redis, 6379) if redis else None,
                "storage": storage_probe(self.access.storage),
            },
            self.observation.activities,
            ACTIVITIES,
        )

    def _lifetime(self) -> Lifetime:
        return Lifetime(
            self.settings.data_dir,
            self.access.database,
            self.access.beginning,
            self.observation,
            self.publisher.close,
        )
