"""Settings: `STOCKROOM_*` variables of the environment or of a `.env` file, read once and never changed."""

import re
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stockroom import database_urls
from stockroom.printable import printable_lines

PREFIX = "STOCKROOM_"
SHORTEST_KEY = 32  # RFC 7518 section 3.2: at least as long as the hash.

_BROKERS = ("filesystem://", "amqp://", "amqps://", "redis://", "rediss://")
_REDIS = ("redis://", "rediss://", "unix://")


class SettingsError(ValueError):
    """A setting cannot be used; the message has one line for each, naming the variable."""

    def __init__(self, message: str) -> None:
        # It goes to a terminal, and may repeat what was set.
        super().__init__(printable_lines(message))


class Settings(BaseSettings):
    """Everything that differs between one installation and the next. The defaults need no other service."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        # A `.env` file may serve other programs too.
        extra="ignore",
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="address the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="port the API listens on")
    data_dir: Path = Field(
        Path("var"), validate_default=True, description="folder of everything kept without another service"
    )
    database_url: str = Field(
        default_factory=lambda known: _sqlite_url(known["data_dir"]),
        repr=False,
        description="sqlite:///path or postgresql://user:password@host/name",
    )
    database_pooled: bool = Field(
        False, description="whether a pooler such as PgBouncer shares connections between transactions"
    )
    statement_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="how long a request's statement may take on PostgreSQL, and its transaction be silent",
    )
    lock_seconds: float = Field(
        10, gt=0, le=3600, description="how long a statement waits for what another has locked"
    )
    connection_seconds: float = Field(
        1800, gt=0, description="how long a connection to PostgreSQL is used before a new one takes its place"
    )
    # kombu warns of a URL without a host, though this transport has none.
    broker_url: str = Field(
        "filesystem://localhost",
        repr=False,
        description="where long work is announced: amqp://, redis://, or filesystem:// in the data folder",
    )
    redis_url: str = Field(
        "", repr=False, description="Redis for limits and cache shared by processes; empty: in each process"
    )
    files_url: str = Field(
        # fsspec takes the path as it is written, percent signs and all.
        default_factory=lambda known: f"file://{known['data_dir'] / 'files'}",
        repr=False,
        description="where uploads are kept, as fsspec writes it: file:// or s3://",
    )
    jwt_key: SecretStr | None = Field(
        None, description="key of access tokens, 32 bytes or more; unset: made once, kept in the data folder"
    )
    registration: Literal["open", "closed"] = Field(
        default_factory=lambda known: "open" if _is_embedded(known["database_url"]) else "closed",
        description="whether anyone may register; unset: with SQLite alone",
    )
    default_role: Literal["viewer", "clerk", "manager"] = Field(
        "clerk", description="role of those who register; the first of an embedded database is admin"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="proxies in front whose X-Forwarded-For is believed"
    )
    rate_limits: Literal["enforce", "report"] = Field(
        "enforce", description="report: count and send the headers, refuse nothing"
    )
    threads: int = Field(16, ge=1, le=256, description="requests that run at once in one process")
    queue_seconds: float = Field(
        10, gt=0, le=3600, description="how long a request waits until it is one of them"
    )
    database_connections: int = Field(
        # A request has one at a time. Beside those that are at work some are for passwords, for files that
        # begin to arrive and for ended sessions. A worker needs one more than it has places for tasks.
        default_factory=lambda known: known["threads"] + 8,
        ge=8,
        le=1000,
        description="connections to PostgreSQL that one process has at most; who needs another waits",
    )
    client_seconds: float = Field(
        20, gt=0, le=3600, description="how long a client may take for a head, or stand still otherwise"
    )
    client_bytes_per_second: int = Field(
        1000, ge=1, description="how fast at least a client sends a body and takes an answer"
    )
    client_connections: int = Field(
        800,
        ge=1,
        description="connections of clients that one process has at once; half of one address, unless"
        " proxies are trusted",
    )
    lease_seconds: float = Field(
        30, ge=1, le=3600, description="how long a worker that has died keeps its task from the others"
    )
    reserved_bytes: int = Field(
        16 * 2**20, ge=0, le=2**40, description="room on the disk that is left for logins and the like"
    )
    account_tasks: int = Field(50, ge=1, le=10_000, description="unfinished tasks that one account may have")
    account_upload_bytes: int = Field(
        500 * 2**20, ge=1, le=2**50, description="bytes of files of one account that wait to be imported"
    )
    account_export_bytes: int = Field(
        10 * 2**30, ge=1, le=2**50, description="bytes of exported files of one account, kept for a day"
    )
    web_workers: int = Field(
        1, ge=1, le=64, description="processes of the API; without Redis each counts limits for itself"
    )
    drift_sample: float = Field(
        0.01,
        ge=0,
        le=1,
        description="fraction of answers that are held against the contract once they are sent",
    )
    metrics_host: str = Field("127.0.0.1", description="address Prometheus metrics are served on")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port Prometheus metrics of the API are served on; 0: none"
    )
    worker_metrics_port: int = Field(
        0, ge=0, le=65535, description="port Prometheus metrics of a worker are served on; 0: none"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least severe events that are logged"
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="form of log lines; `stockroom run` writes console lines while this is unset"
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        # Later changes of the working directory must not move the data.
        return value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        return database_urls.known(value)

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: str) -> str:
        return _beginning_with(_BROKERS, value)

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        return _beginning_with(_REDIS, value) if value else value

    @field_validator("files_url")
    @classmethod
    def _named_file_store(cls, value: str) -> str:
        if not re.match(r"[a-z][a-z0-9+.-]*://.", value):
            raise ValueError("use a URL such as file:///srv/stockroom or s3://bucket/stockroom")
        return value

    @field_validator("jwt_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_KEY:
            raise ValueError(f"the key needs {SHORTEST_KEY} bytes or more")
        return value

    @field_validator("metrics_port", "worker_metrics_port")
    @classmethod
    def _apart_from_the_api(cls, value: int, known: ValidationInfo) -> int:
        if value and value == known.data.get("port"):
            raise ValueError(f"{value} is the port of the API (STOCKROOM_PORT)")
        if value and value == known.data.get("metrics_port"):
            raise ValueError(f"{value} is the port of the API's metrics (STOCKROOM_METRICS_PORT)")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def embedded(self) -> bool:
        """Whether the database is SQLite, and this installation one machine."""
        return _is_embedded(self.database_url)

    @property
    def broker_dir(self) -> Path:
        """Folder of the filesystem broker, for messages and for its own control files."""
        return self.data_dir / "broker"

    @property
    def key_file(self) -> Path:
        """Where the key of access tokens is kept while `jwt_key` is unset."""
        return self.data_dir / "jwt.key"

    @property
    def address(self) -> str:
        """URL of the API for someone on this machine, without a slash at the end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def load() -> Settings:
    """Read the environment and `.env` in the working directory; SettingsError says what cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    # A default that is made of a refused value is no fault of its own.
    faults = [fault for fault in error.errors() if fault["type"] != "default_factory_not_called"]
    return "\n".join(_line(str(fault["loc"][0]), fault["msg"]) for fault in faults)


def _line(field: str, message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return f"{PREFIX}{field.upper()}: {text}"


def _is_embedded(database_url: str) -> bool:
    return database_url.startswith("sqlite:")


def _sqlite_url(data_dir: Path) -> str:
    return sa.URL.create("sqlite", database=str(data_dir / "stockroom.db")).render_as_string()


def _beginning_with(schemes: tuple[str, ...], value: str) -> str:
    if not value.startswith(schemes):
        raise ValueError(f"use a URL that begins with one of {', '.join(schemes)}")
    return value
