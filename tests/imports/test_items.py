"""Imports of items, from the upload to the summary, over small files whose every line matters."""

from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from stockroom.db.database import Database
from stockroom.errors import InvalidCsv
from stockroom.imports import chunks, execution
from stockroom.items import queries as stored_items
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.model import LeaseLost
from tests.import_desk import ALL, RETAIL, SAMPLE, Desk, counts, needs_retail


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "CHUNK", 2)


def test_every_field_of_an_item_is_imported(desk: Desk) -> None:
    content = b"SKU,Name,description,unit,reorder_point,tags,extra\na-1, Anvil ,For smiths,kg,12,b|a| b,x\n"
    task = desk.run(content)
    assert counts(task) == (1, 0, 0, 0, 0)
    with desk.database.connect() as reader:
        item = stored_items.find(reader, "a-1")
    assert item is not None
    assert (item.name, item.description, item.unit, item.reorder_point, item.tags) == (
        "Anvil ",
        "For smiths",
        "kg",
        12,
        ("a", "b"),
    )


def test_values_that_are_absent_leave_the_item_as_it_is(desk: Desk) -> None:
    desk.run(b"sku,name,description,reorder_point,tags\na,Anvil,Heavy,5,x\n")
    task = desk.run(b"sku,name,description,reorder_point,tags\na,Amboss,,NA,-\n", missing=["NA", "-"])
    assert counts(task) == (0, 1, 0, 0, 0)
    with desk.database.connect() as reader:
        item = stored_items.find(reader, "a")
    assert item is not None
    assert (item.name, item.description, item.reorder_point, item.tags) == ("Amboss", "Heavy", 5, ("x",))


def test_all_faults_of_a_row_are_listed_by_the_files_own_columns(desk: Desk) -> None:
    content = (
        "Code;Title;reorder_point;TAGS\n"
        "a;Anvil;5;x\n"
        "b b;;1.5;X|y\n"
        ";NA;;\n"
        "c;Cog\x00;-1;\n"
        "d;Drill\n"
        "e;" + "x" * 201 + ";;\n"
    ).encode()
    task = desk.run(content, columns=["Code:sku", "Title:name"])
    assert counts(task) == (2, 0, 0, 0, 4)
    assert task.progress.done == task.progress.total == 6
    found = desk.errors(task)
    assert task.errors == len(found)
    assert {(line, column, value) for line, column, _, _, value in found} == {
        (3, "Code", "b b"),
        (3, "Title", None),
        (3, "reorder_point", "1.5"),
        (3, "TAGS", "X|y"),
        (4, "Code", None),
        (4, "Title", "NA"),
        (5, "Title", "Cog\N{REPLACEMENT CHARACTER}"),
        (5, "reorder_point", "-1"),
        (7, "Title", "x" * 100),
    }
    reasons = {(line, column): reason for line, column, _, reason, _ in found}
    assert reasons[3, "Title"] == "name is missing"
    assert reasons[4, "Code"] == "sku is missing"
    assert reasons[3, "reorder_point"] == "reorder_point is not a whole number"
    assert reasons[5, "Title"] == "name holds a NUL character"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dry_run", [False, True])
def test_repeated_codes_are_merged_and_the_last_name_wins(desk: Desk, dry_run: bool) -> None:
    content = b"sku,name\na,Anvil\nb,Bolt\na,Amboss\na,Amboss\nb,Bolt\na,Enclume\n"
    task = desk.run(content, dry_run=dry_run)
    assert counts(task) == (2, 0, 0, 4, 0)
    assert desk.errors(task) == [
        (4, "name", "merged", 'repeats a of line 2; name was "Anvil"', "Amboss"),
        (7, "name", "merged", 'repeats a of line 2; name was "Amboss"', "Enclume"),
    ]
    assert desk.names() == ({} if dry_run else {"a": "Enclume", "b": "Bolt"})


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dry_run", [False, True])
def test_an_item_counts_once_however_often_the_file_repeats_it(desk: Desk, dry_run: bool) -> None:
    desk.run(b"sku,name\na,A\nb,B\nc,C\n")
    # In turn: unchanged and then renamed, renamed and then repeated, unchanged, created and then renamed.
    content = b"sku,name\na,A\nb,B2\nc,C\nn,N\na,A2\nb,B2\nc,C\nn,N2\n"
    task = desk.run(content, dry_run=dry_run)
    assert counts(task) == (1, 2, 1, 4, 0)


def test_a_dry_run_changes_nothing_and_foretells_everything(desk: Desk) -> None:
    desk.run(b"sku,name\na,A\nb,B\n")
    content = b"sku,name\na,A2\nb,B\nc,C\nc,C2\n!,X\n"
    before = desk.names()
    foretold = desk.run(content, dry_run=True)
    assert desk.names() == before
    assert foretold.dry_run
    done = desk.run(content)
    assert counts(foretold) == counts(done) == (1, 1, 1, 1, 1)
    assert desk.errors(foretold) == desk.errors(done)


def test_a_file_without_a_valid_row_succeeds_with_its_numbers(desk: Desk) -> None:
    assert counts(desk.run(b"sku,name\n?,\n,x\n")) == (0, 0, 0, 0, 2)
    assert counts(desk.run(b"sku,name\n")) == (0, 0, 0, 0, 0)


@pytest.mark.usefixtures("small_chunks")
def test_work_that_leaves_off_is_resumed_where_it_stood(desk: Desk) -> None:
    content = b"sku,name\na,A\na,A2\n?,x\nb,B\na,A3\nc,C\n"
    task = desk.begin(content)
    for done in (2, 4):
        lease = desk.claim(task)
        one_chunk = chain([False], repeat(True))
        assert not desk.do(lease, stopping=lambda steps=one_chunk: next(steps))
        assert desk.find(task).progress.done == done
        with desk.database.work() as work:
            leases.release(work, lease)
    assert desk.do(desk.claim(task))
    assert counts(desk.find(task)) == (3, 0, 0, 2, 1)
    assert [error[0] for error in desk.errors(task)] == [3, 4, 6]
    assert desk.names() == {"a": "A3", "b": "B", "c": "C"}


@pytest.mark.usefixtures("small_chunks")
def test_a_cancelled_import_keeps_its_chunks_and_applies_no_more(desk: Desk) -> None:
    codes = [f"{number:03}" for number in range(400)]
    task = desk.begin("".join(["sku,name\n", *(f"{code},{code}\n" for code in codes)]).encode())
    with desk.cancelling(task, after=4) as stopping, pytest.raises(LeaseLost):
        desk.do(desk.claim(task), stopping=stopping)
    found = desk.find(task)
    assert found.state == "cancelled"
    assert 4 <= found.progress.done < len(codes)
    assert sorted(desk.names()) == codes[: found.progress.done]


def test_a_list_of_errors_ends_before_it_fills_the_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "CHUNK", 2)
    monkeypatch.setattr(chunks, "LISTED", 3)
    task = desk.run(b"sku,name\n" + b"?,x\n" * 7)
    assert (task.errors, len(desk.errors(task)), counts(task)) == (3, 3, (0, 0, 0, 0, 7))


@pytest.mark.parametrize(
    ("content", "options", "faults"),
    [
        (b"", {}, []),
        (b"\n\n", {}, []),
        (b"x" * 100_000, {}, []),
        (b"a,b\n1,2\n", {}, ["no column gives sku; its columns are: a, b", "no column gives name"]),
        (
            b"sku,name\n",
            {"columns": ["Code:sku"]},
            ["the file has no column Code; its columns are: sku, name"],
        ),
        (b"sku,name\n", {"columns": ["sku:nothing"]}, ["sku:nothing is not `column:field`"]),
        (b"sku,name,x\n", {"columns": ["x:unit", "name:unit"]}, ["unit is mapped twice"]),
        (b"sku,name,x,x\n", {"columns": ["x:unit"]}, ["the file has 2 columns called x"]),
        (b"sku,SKU,name\n", {}, ["2 columns are called sku"]),
        (b"sku,name\n", {"charset": "rot13"}, ["is not one of utf-8"]),
        (b"sku,name\n", {"charset": "\0"}, ["is not one of utf-8"]),
        ("sku,name\n".encode("utf-16"), {"encoding": "utf-8"}, ["no column gives sku"]),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_and_nothing_stored(
    desk: Desk, content: bytes, options: dict[str, Any], faults: list[str]
) -> None:
    with pytest.raises(InvalidCsv) as refusal:
        desk.begin(content, **options)
    details = [error["detail"] for error in refusal.value.errors]
    for fault in faults:
        assert any(fault in detail for detail in details), details
    assert desk.stored() == []
    with desk.database.connect() as reader:
        assert tasks.list_tasks(reader, "ann", ALL).rows == ()


def test_columns_with_a_colon_and_a_name_of_another_field_can_be_mapped(desk: Desk) -> None:
    task = desk.run(
        b"name,id:no,title\nWorkshop,a,Anvil\n", columns=["id:no:sku", "title:name", "name:description"]
    )
    assert counts(task) == (1, 0, 0, 0, 0)
    assert desk.names() == {"a": "Anvil"}


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("utf-16", {}),
        ("windows-1252", {}),
        ("windows-1252", {"charset": "CP1252"}),
        ("iso-8859-1", {"charset": "ISO-8859-1"}),
        ("utf-16-be", {"charset": "UTF-16BE"}),
        ("windows-1252", {"charset": "utf-8", "encoding": "windows-1252"}),
    ],
)
def test_names_survive_the_encoding_of_their_file(desk: Desk, codec: str, options: dict[str, Any]) -> None:
    task = desk.run("sku;name\r\na;Öse für Seile\r\n".encode(codec), **options)
    assert counts(task) == (1, 0, 0, 0, 0)
    assert desk.names() == {"a": "Öse für Seile"}


def test_the_sample_imports_with_a_few_rows_that_are_wrong_on_purpose(desk: Desk) -> None:
    task = desk.run(SAMPLE)
    assert counts(task) == (56, 0, 0, 2, 4)
    assert {error[2] for error in desk.errors(task)} == {"rejected", "merged"}


@needs_retail
def test_the_retail_sample_imports_by_its_own_columns(desk: Desk) -> None:
    columns = ["StockCode:sku", "Description:name"]
    task = desk.run(RETAIL, columns=columns)
    assert counts(task) == (1681, 0, 0, 3315, 4)
    assert task.progress.done == task.progress.total == 5000
    assert len(desk.names()) == 1681
    assert (345, "Description", "rejected", "name is missing", None) in [
        (line, column, kind, reason, None) for line, column, kind, reason, _ in desk.errors(task)
    ]
