"""What the benchmark needs besides Python, and whether it is there."""

import shutil
import sys

import psycopg

from bench import databases


def missing() -> list[str]:
    """What has to be installed first, in sentences."""
    faults = []
    if sys.platform != "linux":
        faults.append("CPU time and memory are read from /proc, so the benchmark runs on Linux.")
    if shutil.which("wrk") is None:
        faults.append("wrk is missing. On Debian and Ubuntu: apt-get install wrk")
    try:
        databases.version()
    except psycopg.OperationalError as error:
        faults.append(
            f"PostgreSQL does not answer: {str(error).strip()}\n"
            "BENCH_POSTGRESQL_URL names a database of a superuser, from which others can be made."
        )
    else:
        if not databases.is_on_this_machine():
            faults.append("PostgreSQL's CPU time is read from /proc, so it has to run on this machine.")
    return faults


def has_node() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None
