"""Compares Stockroom with the same API on other stacks: `make bench`, or `python -m bench --help`."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench import databases, documents, needs, picture, results, rounds, tables
from bench.load import LoadError
from bench.results import Results
from bench.rounds import Measurement
from bench.servers import SERVERS, STOCKROOM, Server, versions
from bench.works import WORKS

KEPT = results.FOLDER / "peers.json"
DRAWN = ("read", "list", "create", "movement-100")


def main() -> None:
    arguments = _arguments()
    if arguments.report:
        _publish(results.read(KEPT))
        return
    if missing := needs.missing():
        sys.exit("\n".join(missing))
    servers = _servers(arguments.servers)
    works = [WORKS[name] for name in arguments.works or WORKS]
    count, seconds = (1, 2.0) if arguments.quick else (arguments.rounds, arguments.seconds)
    with databases.both() as urls:
        print("Comparing what they answer ...", flush=True)
        if faults := rounds.check(servers, urls):
            sys.exit("\n".join(["These do not do the same work, so nothing is measured:", *faults]))
        try:
            taken = _told(rounds.measure(servers, works, urls, rounds=count, seconds=seconds))
        except LoadError as error:
            sys.exit(str(error))
    done = Results(taken, results.machine(), {server.name: versions(server) for server in servers}, seconds)
    _print(done)
    if arguments.output:
        results.save(done, arguments.output)
    elif not arguments.quick and not arguments.works and not arguments.servers:
        results.save(done, KEPT)
        _publish(done)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compare Stockroom with other stacks. A whole run is kept in bench/results and put into "
        "docs/.",
    )
    parser.add_argument("--works", nargs="+", choices=list(WORKS), help="only these")
    parser.add_argument("--servers", nargs="+", choices=list(SERVERS), help="only these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works")
    parser.add_argument("--output", type=Path, help="keep the results here, and leave docs/ alone")
    parser.add_argument("--report", action="store_true", help="write docs/ from the results that are kept")
    return parser.parse_args()


def _servers(names: Sequence[str] | None) -> list[Server]:
    chosen = [SERVERS[name] for name in names or SERVERS]
    if not needs.has_node():
        print("Fastify is left out: node or npm is missing.")
        chosen = [server for server in chosen if server.name != "fastify"]
    return chosen


def _told(measurements: Iterable[Measurement]) -> list[Measurement]:
    taken = []
    for measurement in measurements:
        print(
            f"round {measurement.round + 1}  {measurement.server:<13} {measurement.work:<13}"
            f"{measurement.per_cpu_second:>9,.0f} requests/CPU-second"
            f"{measurement.requests / measurement.seconds:>9,.0f} requests/s"
            f"   p99 {measurement.p99 * 1000:.1f} ms"
            f"   PostgreSQL {measurement.postgresql_per_request * 1e6:,.0f} µs/request",
            flush=True,
        )
        taken.append(measurement)
    return taken


def _print(done: Results) -> None:
    print(f"\nRequests per CPU-second\n{tables.throughput(done)}")
    print(f"\nLatency in ms, p50 / p99\n{tables.latency(done)}")
    print(f"\nPostgreSQL's CPU time in µs a request\n{tables.postgresql(done)}")
    print(f"\n{tables.memory(done)}")
    if STOCKROOM.name in done.names("server"):
        print(f"\nRatios of requests per CPU-second\n{tables.ratios(done)}")
    for line in tables.missed(done):
        print(f"Missed: {line}")


def _publish(done: Results) -> None:
    documents.put({"ratios": tables.ratios(done)}, documents.README)
    documents.PICTURE.write_text(picture.draw(done, [work for work in DRAWN if work in done.names("work")]))
    documents.put(
        {
            "picture": f"![Requests per CPU-second of each server]({documents.PICTURE.name})",
            "machine": f"{results.machine_line(done.machine)}; {len(done.measurements)} measurements of "
            f"{done.seconds:.0f} s.",
            "ratios": tables.ratios(done),
            "throughput": tables.throughput(done),
            "latency": tables.latency(done),
            "postgresql": tables.postgresql(done),
            "memory": tables.memory(done),
            "versions": _versions(done.versions),
        }
    )


def _versions(versions: Mapping[str, Mapping[str, str]]) -> str:
    """A line for each environment, with all servers that run in it."""
    titles: dict[str, list[str]] = {}
    for name, made_of in versions.items():
        line = ", ".join(f"{package} {number}" for package, number in made_of.items())
        titles.setdefault(line, []).append(SERVERS[name].title)
    return "\n".join(f"- {'; '.join(names)}: {line}" for line, names in titles.items() if line)


if __name__ == "__main__":
    main()
