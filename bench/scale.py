"""Measures Stockroom by how much it holds: `make scale`, or `python -m bench.scale --help`.

Queries at several sizes; at the largest also exports, imports, start, memory at rest, and two processes
instead of one.
"""

import argparse
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import databases, documents, exports, footprint, imports, needs, queries, results, tables
from bench.client import Client
from bench.exports import Export
from bench.footprint import Idle, Throughput
from bench.generate import Sizes
from bench.imports import Import
from bench.queries import Timing
from bench.servers import STOCKROOM, running
from bench.stack import stack

KEPT = results.FOLDER / "scale.json"
SIZES = (10_000, 100_000, 1_000_000)
MOVEMENTS_PER_ITEM = 5
LARGE_FILE_ROWS = 1_100_000
"""Items in a file that is nearly as large as the contract allows."""


def main() -> None:
    arguments = _arguments()
    if arguments.report:
        _publish(_read())
        return
    if missing := needs.missing():
        sys.exit("\n".join(missing))
    sizes = (1_000, 2_000) if arguments.quick else arguments.sizes
    done: dict[str, list[Any]] = {"timings": [], "exports": [], "imports": [], "idle": [], "throughput": []}
    for items in sizes:
        _measure(Sizes(items, MOVEMENTS_PER_ITEM * items), done, arguments, last=items == sizes[-1])
    print("\n\n".join(_blocks(done).values()))
    for line in _faults(done):
        print(f"Missed: {line}")
    if arguments.output:
        _save(done, arguments.output)
    elif not arguments.quick and tuple(sizes) == SIZES:
        _save(done, KEPT)
        _publish(_read())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=SIZES, help="items; movements are five times as many"
    )
    parser.add_argument("--item-rows", type=int, default=200_000, help="items of the smaller file")
    parser.add_argument("--movement-rows", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it works")
    parser.add_argument("--output", type=Path, help="keep the results here, and leave docs/ alone")
    parser.add_argument("--report", action="store_true", help="write docs/ from the results that are kept")
    return parser.parse_args()


def _measure(
    sizes: Sizes, done: Mapping[str, list[Any]], arguments: argparse.Namespace, *, last: bool
) -> None:
    print(f"{sizes.items:,} items, {sizes.movements:,} movements ...", flush=True)
    until = queries.now()
    with databases.stockroom_database(sizes) as url:
        with running(STOCKROOM, url) as up:
            client = Client(up.url)
            client.log_in()
            store = queries.Store(client, sizes, until, random.Random(1))  # noqa: S311 - nothing secret
            for timing in queries.time_all(store):
                print(f"  {timing.query:<40}{timing.median * 1000:>9.1f} ms", flush=True)
                done["timings"].append(timing)
        if last:
            rounds, seconds = (1, 2.0) if arguments.quick else (5, 5.0)
            done["idle"].append(footprint.idle(url))
            done["throughput"] += footprint.throughput(url, sizes.items, rounds=rounds, seconds=seconds)
            # Before the imports, which change what there is.
            done["exports"] += _exports(url, sizes)
            done["imports"] += _imports(url, sizes, arguments)


def _exports(url: str, sizes: Sizes) -> list[Export]:
    taken = []
    for kind, form in exports.FILES:
        # A worker of its own for each, so that its memory is what this file took.
        with stack(url) as up:
            taken.append(exports.measure(up, sizes, kind, form))
        print(f"  export of {taken[-1].rows:,} {kind} as {form}: {taken[-1].rate:,.0f} a second", flush=True)
    return taken


def _imports(url: str, sizes: Sizes, arguments: argparse.Namespace) -> list[Import]:
    rows = (2_000, 1_000, 5_000)
    if not arguments.quick:
        rows = (arguments.item_rows, arguments.movement_rows, LARGE_FILE_ROWS)
    few, moved, many = rows
    taken = []
    for kind, first, count in (("items", 0, few), ("movements", 0, moved), ("items", few, many)):
        content = imports.item_rows(first, count) if kind == "items" else imports.movement_rows(sizes, count)
        # A worker of its own for each, so that its memory is what this file took.
        with stack(url) as up:
            taken.append(imports.measure(up, sizes, kind, content))
        print(f"  import of {taken[-1].rows:,} {kind}: {taken[-1].rate:,.0f} a second", flush=True)
    return taken


def _faults(done: Mapping[str, list[Any]]) -> list[str]:
    return [
        *queries.faults(done["timings"]),
        *exports.faults(done["exports"]),
        *imports.faults(done["imports"]),
        *footprint.faults(done["idle"][0], done["throughput"]),
    ]


def _blocks(done: Mapping[str, list[Any]]) -> dict[str, str]:
    return {
        "queries": _queries(done["timings"]),
        "exports": _export_table(done["exports"]),
        "imports": _import_table(done["imports"]),
        "idle": _idle(done["idle"][0]),
        "processes": _processes(done["throughput"]),
    }


def _queries(timings: Sequence[Timing]) -> str:
    sizes = list(dict.fromkeys((timing.items, timing.movements) for timing in timings))
    found = {(timing.query, timing.items): timing for timing in timings}
    rows = []
    for title in dict.fromkeys(timing.query for timing in timings):
        ordered = [found[title, items] for items, _ in sizes]
        cells = [f"{timing.median * 1000:.1f} / {timing.p95 * 1000:.1f}" for timing in ordered]
        rows.append([title, *cells, f"{ordered[-1].median / ordered[0].median:.1f}"])
    head = [f"{items:,} items, {movements:,} movements" for items, movements in sizes]
    return tables.table(["Median / p95 in ms", *head, "growth"], rows)


def _export_table(done: Sequence[Export]) -> str:
    rows = [
        [
            f"{one.rows:,} {one.kind}, {one.format}, {one.size / 2**20:.0f} MiB",
            f"{one.rate:,.0f}",
            f"{one.worker_memory / 2**20:.0f}",
            f"{one.api_memory / 2**20:.0f}",
            f"{one.fetched:.1f}",
        ]
        for one in done
    ]
    return tables.table(["File", "records a second", "worker, MiB", "API, MiB", "fetched in, s"], rows)


def _import_table(done: Sequence[Import]) -> str:
    rows = [
        [
            f"{one.rows:,} {one.kind}, {one.size / 2**20:.0f} MiB",
            f"{one.rate:,.0f}",
            f"{one.worker_memory / 2**20:.0f}",
            f"{one.api_memory / 2**20:.0f}",
            f"{one.calm_p99 * 1000:.1f} / {one.p99 * 1000:.1f}",
        ]
        for one in done
    ]
    head = ["File", "rows a second", "worker, MiB", "API, MiB", "API's p99 before / meanwhile, ms"]
    return tables.table(head, rows)


def _idle(at_rest: Idle) -> str:
    return (
        f"It answers {at_rest.start:.1f} s after it was started. At rest the API takes "
        f"{at_rest.api_memory / 2**20:.0f} MiB and the worker {at_rest.worker_memory / 2**20:.0f} MiB."
    )


def _processes(measured: Sequence[Throughput]) -> str:
    head = [
        "API processes",
        "requests/s",
        "requests/CPU-second",
        "API, cores",
        "PostgreSQL, cores",
        "wrk, cores",
    ]
    gained = footprint.gain(measured, "per_second")
    kept = footprint.gain(measured, "per_cpu_second")
    return (
        f"{tables.table(head, [_process_row(measured, count) for count in (1, 2)])}\n\n"
        f"Two processes answer {gained:.2f} times the requests of one here, where client and database want "
        f"cores too. For each CPU-second of their own they answer {kept:.2f} times as many, which makes "
        f"{2 * kept:.2f} times the requests on two cores that are theirs alone."
    )


def _process_row(measured: Sequence[Throughput], count: int) -> list[str]:
    figures = {
        name: footprint.middle(measured, count, name)
        for name in ("per_second", "per_cpu_second", "api_cores", "postgresql_cores", "client_cores")
    }
    return [
        f"{count}",
        *(f"{value:,.0f}" if "per" in name else f"{value:.2f}" for name, value in figures.items()),
    ]


def _save(done: Mapping[str, list[Any]], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    kept = {"machine": results.machine(), **{name: list(map(asdict, rows)) for name, rows in done.items()}}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def _read() -> dict[str, Any]:
    document = json.loads(KEPT.read_text())
    kinds = {"timings": Timing, "exports": Export, "imports": Import, "idle": Idle, "throughput": Throughput}
    return {"machine": document["machine"]} | {
        name: [kind(**values) for values in document[name]] for name, kind in kinds.items()
    }


def _publish(kept: Mapping[str, Any]) -> None:
    documents.put({"scale-machine": f"{results.machine_line(kept['machine'])}.", **_blocks(kept)})


if __name__ == "__main__":
    main()
