"""Results as tables: Markdown, which reads well in a terminal too."""

from collections.abc import Callable, Sequence
from functools import partial

from bench.results import Results
from bench.servers import SERVERS, STOCKROOM
from bench.targets import POSTGRESQL_LIMITS, TARGETS
from bench.works import WORKS

MEBIBYTE = 2**20


def throughput(results: Results) -> str:
    """Requests per CPU-second."""

    def cell(server: str, work: str) -> str:
        return f"{results.median(server, work, 'per_cpu_second'):,.0f}"

    return _by_server(results, results.names("server"), cell)


def latency(results: Results) -> str:
    """p50 and p99 in milliseconds."""

    def cell(server: str, work: str) -> str:
        p50, p99 = (results.median(server, work, figure) * 1000 for figure in ("p50", "p99"))
        return f"{p50:.1f} / {p99:.1f}"

    return _by_server(results, results.names("server"), cell)


def ratios(results: Results) -> str:
    """How many times the requests per CPU-second of the others Stockroom answers, beside what is wanted."""
    others = [name for name in results.names("server") if name != STOCKROOM.name]
    return _by_server(results, others, partial(_ratio, results), corner="Stockroom to")


def postgresql(results: Results) -> str:
    """PostgreSQL's CPU time for a request in microseconds."""

    def cell(server: str, work: str) -> str:
        return f"{results.median(server, work, 'postgresql_per_request') * 1e6:,.0f}"

    return _by_server(results, results.names("server"), cell)


def memory(results: Results) -> str:
    """Peak memory in MiB."""
    names = results.names("server")
    rows = [[SERVERS[name].title, f"{results.peak_memory(name) / MEBIBYTE:.0f}"] for name in names]
    return table(["", "Peak memory, MiB"], rows)


def missed(results: Results) -> list[str]:
    """The targets that were not reached, in lines."""
    measured = results.names("server")
    if STOCKROOM.name not in measured:
        return []
    lines = []
    for work in results.names("work"):
        for other, target in TARGETS.get(work, {}).items():
            if other in measured and (ratio := results.ratio(STOCKROOM.name, work, other)) < target:
                lines.append(f"{work}: {ratio:.2f} times {other}, and not {target:.2f}")
        for other, limit in POSTGRESQL_LIMITS.get(work, {}).items():
            if other in measured and (ratio := _postgresql_ratio(results, work, other)) > limit:
                lines.append(f"{work}: PostgreSQL takes {ratio:.2f} times {other}, and not {limit:.2f}")
        if "fastapi" in measured:
            own, theirs = (results.median(name, work, "p99") for name in (STOCKROOM.name, "fastapi"))
            if own > theirs:
                lines.append(f"{work}: p99 of {own * 1000:.1f} ms, FastAPI's is {theirs * 1000:.1f} ms")
    return lines


def _postgresql_ratio(results: Results, work: str, other: str) -> float:
    return results.ratio(STOCKROOM.name, work, other, "postgresql_per_request")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up, all but the first to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (head, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return f"| {' | '.join(cells)} |"


def _by_server(
    results: Results, servers: Sequence[str], cell: Callable[[str, str], str], corner: str = ""
) -> str:
    works = results.names("work")
    rows = [[SERVERS[server].title, *(cell(server, work) for work in works)] for server in servers]
    return table([corner, *(WORKS[work].heading for work in works)], rows)


def _ratio(results: Results, other: str, work: str) -> str:
    ratio = results.ratio(STOCKROOM.name, work, other)
    target = TARGETS.get(work, {}).get(other)
    if target is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ({'≥' if ratio >= target else 'not'} {target:.2g})"
