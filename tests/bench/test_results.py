"""What is made of measurements: medians, ratios, tables, the picture, the page."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import documents, load, picture, queries, results, tables
from bench.queries import Timing
from bench.results import Results
from bench.rounds import Measurement

ONE = Measurement(
    round=0,
    server="stockroom",
    work="read",
    requests=4000,
    seconds=1.0,
    cpu_seconds=1.0,
    postgresql_seconds=0.5,
    p50=0.002,
    p99=0.004,
    size=500.0,
    memory=100 * 2**20,
)


def measured(
    server: str, *requests: int, p99: float = 0.004, work: str = "read", postgresql: float = 0.5
) -> list[Measurement]:
    return [
        replace(
            ONE,
            round=number,
            server=server,
            work=work,
            requests=count,
            p99=p99,
            postgresql_seconds=postgresql,
        )
        for number, count in enumerate(requests)
    ]


def put_together(*measurements: list[Measurement]) -> Results:
    return Results([one for some in measurements for one in some], {}, {}, 1.0)


def test_a_ratio_is_the_median_of_the_ratios_within_each_round() -> None:
    # The second round was disturbed, for both alike; medians of each side alone would say 4000 / 900.
    done = put_together(measured("stockroom", 4000, 400, 5000), measured("fastapi", 1000, 100, 900))
    assert done.ratio("stockroom", "read", "fastapi") == 4
    assert done.median("fastapi", "read", "per_cpu_second") == 900


def test_targets_that_are_missed_are_named() -> None:
    done = put_together(measured("stockroom", 3900), measured("fastapi", 1000))
    assert tables.missed(done) == ["read: 3.90 times fastapi, and not 4.00"]


def test_a_p99_worse_than_that_of_fastapi_is_missed() -> None:
    done = put_together(measured("stockroom", 4000, p99=0.005), measured("fastapi", 1000, p99=0.004))
    assert tables.missed(done) == ["read: p99 of 5.0 ms, FastAPI's is 4.0 ms"]


def test_a_work_that_takes_postgresql_too_long_is_missed() -> None:
    cheap = measured("litestar", 1000, 1000, work="create", postgresql=0.2)
    dear = measured("stockroom", 2000, 4000, work="create", postgresql=1.4)
    # 700 and 350 microseconds a request, where the other takes 200.
    assert tables.missed(put_together(dear, cheap)) == [
        "create: PostgreSQL takes 2.62 times litestar, and not 1.50"
    ]
    assert "525" in tables.postgresql(put_together(dear, cheap))


def test_a_table_has_a_row_for_each_server_and_a_column_for_each_work() -> None:
    done = put_together(
        measured("stockroom", 4000),
        measured("stockroom", 3000, work="create"),
        measured("litestar", 2000),
        measured("litestar", 1000, work="create"),
    )
    assert tables.throughput(done).splitlines() == [
        "|           | One item | New item |",
        "| --------- | -------: | -------: |",
        "| Stockroom |    4,000 |    3,000 |",
        "| Litestar  |    2,000 |    1,000 |",
    ]


def test_targets_that_are_reached_are_not_named() -> None:
    done = put_together(measured("stockroom", 4000), measured("fastapi", 1000), measured("floor", 12_000))
    assert tables.missed(done) == []
    assert "4.00 (≥ 4)" in tables.ratios(done)


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    done = Results(measured("stockroom", 1, 2), {"cores": 2}, {"fastapi": {"fastapi": "1"}}, 4.0)
    results.save(done, tmp_path / "new" / "kept.json")
    assert results.read(tmp_path / "new" / "kept.json") == done


def test_the_picture_is_xml_with_a_bar_for_each_server() -> None:
    done = put_together(measured("stockroom", 4000), measured("fastapi", 1000))
    drawn = ET.fromstring(picture.draw(done, ["read"]))  # noqa: S314 - drawn a line above
    bars = {
        bar.get("class"): int(bar.get("width", "")) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")
    }
    assert bars["own"] == pytest.approx(4 * bars["peer"], rel=0.02)


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = "before\n<!-- bench: a -->\nold\n<!-- /bench -->\n<!-- bench: b -->\nother\n<!-- /bench -->\n"
    assert documents.replaced(page, "a", r"new \1") == page.replace("old", r"new \1")


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="0 blocks called a"):
        documents.replaced("nothing here", "a", "new")


def test_the_page_has_all_marks() -> None:
    page = documents.PAGE.read_text()
    compared = "machine ratios throughput latency postgresql memory versions"
    alone = "scale-machine queries exports imports idle processes"
    for name in (*compared.split(), *alone.split()):
        documents.replaced(page, name, "")


def wrk_output(**figures: int) -> str:
    known = {
        "requests": 100,
        "microseconds": 2_000_000,
        "bytes": 5000,
        "p50": 1500,
        "p99": 9000,
        "refused": 0,
        "broken": 0,
    }
    return f"Running 2s test\n{json.dumps(known | figures)}\n"


def test_latencies_are_read_in_seconds() -> None:
    done = load.read(wrk_output())
    assert (done.requests, done.seconds, done.size, done.p50, done.p99) == (100, 2.0, 50.0, 0.0015, 0.009)


@pytest.mark.parametrize("fault", ["refused", "broken"])
def test_a_run_with_failures_counts_for_nothing(fault: str) -> None:
    with pytest.raises(load.LoadError):
        load.read(wrk_output(**{fault: 1}))


def test_what_wrk_says_when_it_cannot_run_is_passed_on() -> None:
    with pytest.raises(load.LoadError, match="unable to connect"):
        load.read("", "unable to connect")


def test_queries_that_grow_or_take_too_long_are_named() -> None:
    timings = [
        Timing(10_000, 50_000, "Levels of an item", 0.002, 0.003),
        Timing(1_000_000, 5_000_000, "Levels of an item", 0.060, 0.070),
        Timing(10_000, 50_000, "Page 1,000 of items, by number", 0.001, 0.003),
        Timing(1_000_000, 5_000_000, "Page 1,000 of items, by number", 0.010, 0.010),
    ]
    assert queries.faults(timings) == [
        "Levels of an item: grows 30.0 times, and not at most 2",
        "Levels of an item: 60 ms with 1,000,000 items",
    ]
