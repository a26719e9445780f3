"""Logs on standard output, ours and those of libraries alike: one JSON object a line, or readable lines."""

import json
import logging
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from stockroom.printable import printable, printable_json, printable_lines
from stockroom.settings import Settings

log = structlog.get_logger(__name__)

# Their everyday events are noise beside the request log; their warnings are not.
_TALKATIVE = ("alembic", "amqp", "celery", "connexion", "gunicorn", "httpx", "kombu", "sqlalchemy", "uvicorn")

# What the readable form shows in lines of their own.
_OF_LINES = ("exception", "stack")
_PLAIN = (int, float, type(None))


def configure(settings: Settings) -> None:
    """Set up logging for this process; calling it again replaces what was set up.

    Every line carries the context bound through `structlog.contextvars`, such as `request_id`. No control
    character reaches a line unescaped, whatever it is that is logged; in the readable form a trace has
    several lines, which are indented.
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
    # What nobody catches would go to the terminal as it is.
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_of_thread
    sys.unraisablehook = _log_unraisable


def _shared() -> list[Processor]:
    return [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]


def _json_form() -> Sequence[Processor]:
    return structlog.processors.format_exc_info, _render


def _console_form() -> Sequence[Processor]:
    colors = sys.stdout.isatty()
    return (
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _escape,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_trace),
    )


def _escape(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if key in _OF_LINES and isinstance(value, str):
            event[key] = _indented(value)
        elif isinstance(value, str):
            event[key] = printable(value)
        elif key != "exc_info" and not isinstance(value, _PLAIN):
            event[key] = printable(repr(value))
    return event


def _write_trace(output: TextIO, error: ExcInfo) -> None:
    trace = StringIO()
    structlog.dev.plain_traceback(trace, error)
    output.write("\n" + _indented(trace.getvalue().strip("\n")))


def _indented(text: str) -> str:
    # A message with a line feed makes no line that looks like one of ours.
    return "\n".join(f"    {line}" for line in printable_lines(text).split("\n"))


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
        line = orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
        return printable_json(line)
    except orjson.JSONEncodeError:
        event["timestamp"] = now.isoformat()
        return json.dumps(event, default=repr, skipkeys=True).encode()


def _decode(logger: WrappedLogger, name: str, line: bytes) -> str:
    return line.decode()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: object) -> None:
    if issubclass(kind, KeyboardInterrupt):
        # Somebody wants the program to end, and it does.
        sys.__excepthook__(kind, error, error.__traceback__)
        return
    log.critical("uncaught", exc_info=error)


def _log_of_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_type is not SystemExit:
        thread = uncaught.thread.name if uncaught.thread else None
        log.critical("uncaught", thread=thread, exc_info=uncaught.exc_value)


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    source = unraisable.object
    where = getattr(source, "__qualname__", type(source).__name__)
    log.error("uncaught", where=where, exc_info=unraisable.exc_value)
