"""Logs on standard output, ours and those of libraries alike: one JSON object a line, or readable lines."""

import json
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from stockroom.settings import Settings

# Their everyday events are noise beside the request log; their warnings are not.
_TALKATIVE = ("alembic", "amqp", "celery", "connexion", "gunicorn", "httpx", "kombu", "sqlalchemy", "uvicorn")


def configure(settings: Settings) -> None:
    """Set up logging for this process; calling it again replaces what was set up.

    Every line carries the context bound through `structlog.contextvars`, such as `request_id`.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_json = settings.log_format == "json"
    structlog.configure(
        processors=[*_shared(), *(_json_form() if as_json else _console_form())],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory() if as_json else structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(level, as_json=as_json)


def _shared() -> list[Processor]:
    return [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]


def _json_form() -> Sequence[Processor]:
    return structlog.processors.format_exc_info, _render


def _console_form() -> Sequence[Processor]:
    colors = sys.stdout.isatty()
    return (
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
    )


def _route_standard_logging(level: int, *, as_json: bool) -> None:
    form = (*_json_form(), _decode) if as_json else _console_form()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *form],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # warnings.warn goes the same way.
    logging.captureWarnings(capture=True)


def _render(logger: WrappedLogger, name: str, event: EventDict) -> bytes:
    # A log line must never fail the request it tells of, whatever a client put into it: what is no JSON
    # is logged as text, and lone surrogates and integers beyond 64 bits take the slower way.
    now = datetime.now(UTC)
    try:
        event["timestamp"] = now
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError:
        event["timestamp"] = now.isoformat()
        return json.dumps(event, default=repr, skipkeys=True).encode()


def _decode(logger: WrappedLogger, name: str, line: bytes) -> str:
    return line.decode()
