"""Starts the API and its worker side by side, and tells when they can be used."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from stockroom.process import health
from stockroom.process.supervisor import Program, supervise
from stockroom.settings import Settings

# Beside the packages, in a checkout and in an installation alike.
_GUNICORN_CONFIG = Path(__file__).resolve().parents[2] / "gunicorn.conf.py"

# Seconds; longer than gunicorn and uvicorn give the requests that are under way.
_GRACE = 30.0


def run(settings: Settings) -> str | None:
    """Serve until a signal asks to stop (None), or return a sentence about what went wrong."""
    if fault := next(_port_faults(settings), None):
        return fault
    announce = threading.Thread(target=partial(_announce, settings.address), daemon=True)
    return supervise(
        _programs(settings),
        _environment(settings),
        grace=_GRACE,
        started=announce.start,
        tell=partial(click.echo, err=True),
    )


def _programs(settings: Settings) -> list[Program]:
    api = [sys.executable, "-m", "gunicorn", "--config", str(_GUNICORN_CONFIG), "app:app"]
    # Messages are JSON alone, so that root, as which containers run, is no more at risk than anyone.
    quiet = ["-W", "ignore:You're running the worker with superuser privileges"]
    worker = [sys.executable, *quiet, "-m", "celery", "--quiet", "--app", "tasks"]
    worker += ["worker", "--loglevel", "WARNING"]
    # Workers have nothing to say to each other: what there is to do, and who does it, stands in the database.
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    if settings.embedded:
        # SQLite has one writer at a time, so a pool of processes would not be faster.
        worker += ["--pool", "solo"]
    return [Program("API", api), Program("worker", worker, restarts=True)]


def _environment(settings: Settings) -> dict[str, str]:
    environment = dict(os.environ)
    if "log_format" not in settings.model_fields_set:
        # Somebody is looking at this terminal.
        environment["STOCKROOM_LOG_FORMAT"] = "console"
    return environment


def _port_faults(settings: Settings) -> Iterator[str]:
    """Why a port cannot be had, before anything is started for it."""
    ports = [
        (settings.host, settings.port, "STOCKROOM_PORT"),
        (settings.metrics_host, settings.metrics_port, "STOCKROOM_METRICS_PORT"),
        (settings.metrics_host, settings.worker_metrics_port, "STOCKROOM_WORKER_METRICS_PORT"),
    ]
    for host, port, variable in ports:
        if not port:
            continue
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                # As gunicorn does: connections of an earlier run that are still closing are no obstacle.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            yield f"Cannot listen on {host}, port {port} ({variable}): {error.strerror}."


def _announce(address: str) -> None:
    while not health.answers(f"{address}/health/live"):
        time.sleep(0.1)
    click.echo(f"\nStockroom is ready: {address}/docs\nCtrl-C stops it.\n")
