"""Results as tables: Markdown, which reads well in a terminal too."""

from collections.abc import Callable, Sequence

from bench.results import Results
from bench.servers import SERVERS, STOCKROOM
from bench.targets import TARGETS
from bench.works import WORKS

MEBIBYTE = 2**20


def throughput(results: Results) -> str:
    """Requests per CPU-second."""
    return _by_server(results, lambda server, work: f"{results.median(server, work, 'per_cpu_second'):,.0f}")


def latency(results: Results) -> str:
    """p50 and p99 in milliseconds."""

    def cell(server: str, work: str) -> str:
        p50, p99 = (results.median(server, work, figure) * 1000 for figure in ("p50", "p99"))
        return f"{p50:.1f} / {p99:.1f}"

    return _by_server(results, cell)


def ratios(results: Results) -> str:
    """How many times the requests per CPU-second of the others Stockroom answers, beside what is wanted."""
    others = [name for name in results.names("server") if name != STOCKROOM.name]
    rows = [
        [WORKS[work].title, *(_ratio(results, work, other) for other in others)]
        for work in results.names("work")
    ]
    return table(["Stockroom to", *(SERVERS[other].title for other in others)], rows)


def memory(results: Results) -> str:
    """Peak memory in MiB."""
    names = results.names("server")
    cells = [f"{results.peak_memory(name) / MEBIBYTE:.0f}" for name in names]
    return table(["", *(SERVERS[name].title for name in names)], [["Peak memory, MiB", *cells]])


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
        if "fastapi" in measured:
            own, theirs = (results.median(name, work, "p99") for name in (STOCKROOM.name, "fastapi"))
            if own > theirs:
                lines.append(f"{work}: p99 of {own * 1000:.1f} ms, FastAPI's is {theirs * 1000:.1f} ms")
    return lines


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up, all but the first to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (head, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return f"| {' | '.join(cells)} |"


def _by_server(results: Results, cell: Callable[[str, str], str]) -> str:
    servers, works = results.names("server"), results.names("work")
    rows = [[WORKS[work].title, *(cell(server, work) for server in servers)] for work in works]
    return table(["", *(SERVERS[server].title for server in servers)], rows)


def _ratio(results: Results, work: str, other: str) -> str:
    ratio = results.ratio(STOCKROOM.name, work, other)
    target = TARGETS.get(work, {}).get(other)
    if target is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ({'≥' if ratio >= target else 'not'} {target:.2g})"
