"""Traces by OpenTelemetry, where they are asked for. Nobody else loads it, which takes 20 MB and 0.2 s."""

import os
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from stockroom.process.tracing import Tracing

log = structlog.get_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Where traces are sent to; the other variables of OpenTelemetry hold as well."""


def open_tracing(service: str) -> "Tracing | None":
    """Traces of this process, for what is called `service` unless the environment names it; None if unset.

    Not to be called before a fork.
    """
    if not any(map(os.environ.get, ENDPOINTS)):
        return None
    try:
        from stockroom.process.tracing import Tracing  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        log.warning("traces.off", reason=f"{error.name} is missing: install the extra `telemetry`")
        return None
    return Tracing(service)
