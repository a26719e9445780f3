"""Small files as people have them, each with what is right for it. They stand for kinds of files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from stockroom.contract.document import CONTRACT, read_document
from stockroom.db.database import Database
from stockroom.db.tables import items, locations, movement_lines, movements
from stockroom.errors import InvalidCsv
from stockroom.imports.model import ENCODINGS
from stockroom.items import queries as stored_items
from stockroom.items.model import Item
from tests.import_desk import Desk, counts


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """A desk for items and movements; there is an item FX-1 and a location FX."""
    with database.work() as work:
        common = {"name": "FX", "version": 1, "created_at": work.now, "updated_at": work.now}
        work.connection.execute(
            items.insert().values(common | {"sku": "FX-1", "unit": "piece", "archived": False})
        )
        work.connection.execute(locations.insert().values(common | {"code": "FX", "archived": False}))
    return Desk(database, tmp_path)


def item(desk: Desk, sku: str) -> Item:
    with desk.database.connect() as reader:
        found = stored_items.find(reader, sku)
    assert found is not None
    return found


CODE = "letters (A to Z, a to z), digits, `.`, `_` and `-`, beginning with a letter or digit"


def test_part_numbers_that_cannot_be_codes_are_refused_in_words(desk: Desk) -> None:
    task = desk.run(b"sku,name\r\nFT232BL/TR,USB bridge\r\n225212011/012,Pump\r\n")
    assert counts(task) == (0, 0, 0, 0, 2)
    assert desk.errors(task) == [
        (2, "sku", "rejected", f"sku must be {CODE}", "FT232BL/TR"),
        (3, "sku", "rejected", f"sku must be {CODE}", "225212011/012"),
    ]


def test_a_row_that_moves_nothing_is_refused_in_words(desk: Desk) -> None:
    task = desk.run(b"sku,location,quantity\r\nFX-1,FX,0\r\nFX-1,FX,4\r\n", kind="movements")
    assert counts(task) == (1, 0, 0, 0, 1)
    assert desk.errors(task) == [(2, "quantity", "rejected", "quantity must not be 0", "0")]


STRAY = "a quote stands within a value without being doubled"


def test_a_stray_quote_swallows_no_movement_in_silence(desk: Desk) -> None:
    content = b'sku,location,quantity,note\r\nFX-1,FX,5,"from truck\r\nFX-1,FX,7,ok\r\nFX-1,FX,9,"late"\r\n'
    task = desk.run(content + b"FX-1,FX,2,\r\n", kind="movements")
    assert counts(task) == (1, 0, 0, 0, 1)
    assert desk.errors(task) == [
        (2, None, "rejected", f"{STRAY}; lines 2 to 4 are left out", 'FX-1,FX,5,"from truck')
    ]


def test_a_stray_quote_names_the_lines_that_are_left_out(desk: Desk) -> None:
    content = b'sku,name\r\nFX-21,"Bolt\r\nFX-22,Nut\r\nFX-23,Washer\r\nFX-24,"Screw, long"\r\nFX-25,Pin\r\n'
    task = desk.run(content)
    assert counts(task) == (1, 0, 0, 0, 1)
    assert desk.errors(task) == [(2, None, "rejected", f"{STRAY}; lines 2 to 5 are left out", 'FX-21,"Bolt')]
    assert desk.names().keys() == {"FX-1", "FX-25"}


def test_a_row_of_several_lines_is_refused_with_all_of_them(desk: Desk) -> None:
    task = desk.run(b'sku,name\r\nFX-21,"Bolt\r\nFX-22,Nut"\r\n')
    ((line, column, _, reason, value),) = desk.errors(task)
    assert (line, column, value) == (
        2,
        "name",
        "Bolt\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}FX-22,Nut",
    )
    assert reason.endswith("; lines 2 to 3 are left out")


def test_rows_shorter_than_the_header_have_empty_values_at_their_end(desk: Desk) -> None:
    content = (
        b"sku,name,description,unit,reorder_point\r\nFX-51,Bolt,,,\r\nFX-52,Nut\r\nFX-53,Washer,flat\r\n"
    )
    assert counts(desk.run(content)) == (3, 0, 0, 0, 0)
    assert (item(desk, "FX-52").name, item(desk, "FX-53").description) == ("Nut", "flat")


def test_a_line_for_spreadsheets_that_names_the_delimiter_is_no_row(desk: Desk) -> None:
    assert counts(desk.run(b"sep=;\r\nsku;name\r\nFX-81;Bolt\r\n")) == (1, 0, 0, 0, 0)
    assert item(desk, "FX-81").name == "Bolt"


def test_a_code_written_as_a_formula_keeps_its_zeros(desk: Desk) -> None:
    assert counts(desk.run(b'sku,name\r\n"=""00123""",Bolt\r\n')) == (1, 0, 0, 0, 0)
    assert item(desk, "00123").name == "Bolt"
    moved = b'sku,location,quantity\r\n"=""00123""","=""FX""","=""5"""\r\n'
    assert counts(desk.run(moved, kind="movements")) == (1, 0, 0, 0, 0)


def test_empty_titles_and_rows_at_the_ends_are_passed_over(desk: Desk) -> None:
    content = b'"sku";"name";;\r\n"FX-91";"Bolt";;\r\n"";"";;\r\n;;;\r\n'
    assert counts(desk.run(content)) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_task_tells_how_the_file_was_read(desk: Desk, dry_run: bool) -> None:
    content = "\r\nsku;Größe;Name;Reorder Point\r\nFX-71;M;Büchse;25\r\n".encode("windows-1252")
    begun = desk.begin(content, dry_run=dry_run)
    expected = {
        "encoding": None,
        "delimiter": ";",
        "header_line": 2,
        "columns": [
            {"number": 1, "title": "sku", "field": "sku"},
            {"number": 3, "title": "Name", "field": "name"},
        ],
        "passed_over": [{"number": 2, "title": "Größe"}, {"number": 4, "title": "Reorder Point"}],
        "dates": None,
    }
    assert begun.reading == expected
    assert desk.do(desk.claim(begun))
    assert desk.find(begun).reading == expected | {"encoding": "windows-1252"}


def test_the_task_tells_how_times_were_read(desk: Desk) -> None:
    content = b"sku\tlocation\tquantity\toccurred_at\r\nFX-1\tFX\t1\t6/24/2024\r\n"
    reading = desk.run(content, kind="movements", dates="us").reading
    assert reading is not None
    assert (reading["dates"], reading["delimiter"], reading["passed_over"]) == ("us", "tab", [])


def test_only_the_first_columns_that_were_passed_over_are_told(desk: Desk) -> None:
    titles = ",".join(["sku", "name", *(f"column {number}" for number in range(60))])
    reading = desk.run(f"{titles}\r\nFX-2,Bolt\r\n".encode()).reading
    assert reading is not None
    assert [column["title"] for column in reading["passed_over"]] == [f"column {n}" for n in range(50)]


def moments(desk: Desk) -> list[datetime]:
    with desk.database.connect() as reader:
        return list(reader.scalars(sa.select(movements.c.occurred_at).order_by(movements.c.id)))


def moved(desk: Desk) -> list[int]:
    with desk.database.connect() as reader:
        return list(reader.scalars(sa.select(movement_lines.c.delta).order_by(movement_lines.c.movement_id)))


@pytest.mark.parametrize(
    "content",
    [
        b'"sku";"location";"quantity";\r\n"FX-1";"FX";"8,00";\r\n"FX-1";"FX";"12,00";\r\n',
        b"sku,location,quantity\r\nFX-1,FX,8.0\r\nFX-1,FX,12.00\r\n",
    ],
)
def test_a_fraction_of_zeros_is_none(desk: Desk, content: bytes) -> None:
    assert counts(desk.run(content, kind="movements")) == (2, 0, 0, 0, 0)
    assert moved(desk) == [8, 12]


@pytest.mark.parametrize("quantity", ["1,000", "1.000", "-1.000"])
def test_a_number_that_may_mean_two_is_refused(desk: Desk, quantity: str) -> None:
    content = f"sku;location;quantity\r\nFX-1;FX;{quantity}\r\n".encode()
    reason = "quantity is not clear: its mark may stand before a fraction or between thousands"
    assert desk.errors(desk.run(content, kind="movements")) == [(2, "quantity", "rejected", reason, quantity)]


def test_days_come_before_months_where_this_is_said(desk: Desk) -> None:
    content = (
        b"sku;location;quantity;occurred_at\r\nFX-1;FX;1;05/06/2024\r\nFX-1;FX;1;24/06/2024\r\n"
        b"FX-1;FX;1;24.06.2024 15:45\r\n"
    )
    assert counts(desk.run(content, kind="movements", dates="dmy")) == (3, 0, 0, 0, 0)
    assert moments(desk) == [
        datetime(2024, 6, 5, tzinfo=UTC),
        datetime(2024, 6, 24, tzinfo=UTC),
        datetime(2024, 6, 24, 15, 45, tzinfo=UTC),
    ]


@pytest.mark.parametrize("dates", ["us", "mdy"])
def test_times_of_twelve_hours_are_read(desk: Desk, dates: str) -> None:
    content = (
        b"sku,location,quantity,occurred_at\r\nFX-1,FX,1,6/24/2024 3:45 PM\r\n"
        b"FX-1,FX,1,6/24/2024 12:05:00 AM\r\nFX-1,FX,1,6/24/2024 13:05 PM\r\n"
    )
    assert counts(desk.run(content, kind="movements", dates=dates)) == (2, 0, 0, 0, 1)
    assert moments(desk) == [
        datetime(2024, 6, 24, 15, 45, tzinfo=UTC),
        datetime(2024, 6, 24, 0, 5, tzinfo=UTC),
    ]


def test_years_come_first_where_this_is_said(desk: Desk) -> None:
    content = b"sku,location,quantity,occurred_at\r\nFX-1,FX,1,2024/6/5 9:30\r\nFX-1,FX,1,2024-06/05\r\n"
    assert counts(desk.run(content, kind="movements", dates="ymd")) == (1, 0, 0, 0, 1)
    assert moments(desk) == [datetime(2024, 6, 5, 9, 30, tzinfo=UTC)]


def test_the_line_of_the_titles_can_be_said(desk: Desk) -> None:
    content = b"Stock list,,\r\nsku,name,unit\r\nFX-82,Bolt,box\r\n,,kg\r\n"
    task = desk.run(content, header_line=2)
    assert counts(task) == (1, 0, 0, 0, 1)
    assert {error[0] for error in desk.errors(task)} == {4}
    assert (task.reading or {})["header_line"] == 2


@pytest.mark.parametrize("line", [2, 9])
def test_a_line_without_titles_is_told(desk: Desk, line: int) -> None:
    with pytest.raises(InvalidCsv, match=f"at line {line}"):
        desk.begin(b"sku,name\r\n\r\nFX-82,Bolt\r\n", header_line=line)


def test_a_column_can_be_said_by_its_number(desk: Desk) -> None:
    content = b'SKU,"Reading, Berks"\r\nFX-1,6\r\n'
    task = desk.run(content, kind="movements", columns=["#2:quantity"], location="FX")
    assert counts(task) == (1, 0, 0, 0, 0)
    assert moved(desk) == [6]


@pytest.mark.parametrize("said", ["#3:quantity", "#0:quantity", "#:quantity"])
def test_a_number_without_a_column_is_told(desk: Desk, said: str) -> None:
    with pytest.raises(InvalidCsv) as refused:
        desk.begin(b"SKU,amount\r\nFX-1,6\r\n", kind="movements", columns=[said], location="FX")
    assert "the file has no column #" in str(refused.value.errors)


def test_a_column_can_be_left_out(desk: Desk) -> None:
    content = b'SKU,Name,Tags\r\nFX-61,Blue shirt,"Made to Order, Shirt"\r\n'
    task = desk.run(content, columns=["Tags:ignore"])
    assert counts(task) == (1, 0, 0, 0, 0)
    assert item(desk, "FX-61").tags == ()
    assert (task.reading or {})["passed_over"] == [{"number": 3, "title": "Tags"}]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("windows-1250", "Śruba żółta mała"),
        ("windows-1251", "Гайка стальная"),
        ("koi8-r", "Гайка стальная"),
        ("iso-8859-2", "Śruba żółta mała"),
        ("macintosh", "Schlüssel"),
        ("shift-jis", "六角ナット ソ"),
        ("euc-jp", "六角ナット"),
        ("gb18030", "六角螺母"),
        ("big5", "六角螺母 功"),
        ("euc-kr", "육각 너트"),
    ],
)
def test_an_encoding_can_be_named(desk: Desk, encoding: str, name: str) -> None:
    content = f"sku;name\r\nFX-41;{name}\r\n".encode(encoding)
    task = desk.run(content, encoding=encoding)
    assert counts(task) == (1, 0, 0, 0, 0)
    assert (item(desk, "FX-41").name, (task.reading or {})["encoding"]) == (name, encoding)
    desk.run(content.replace(b"FX-41", b"FX-42"), charset=encoding)
    assert item(desk, "FX-42").name == name


def test_the_task_tells_which_encoding_was_guessed(desk: Desk) -> None:
    task = desk.run("sku;name\r\nFX-41;Śruba\r\n".encode("windows-1250"), dry_run=True)
    assert (task.reading or {})["encoding"] == "windows-1252"


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_utf_16_without_a_mark_is_found_out(desk: Desk, order: str) -> None:
    task = desk.run("sku\tname\r\nFX-45\tSchlüssel\r\n".encode(order))
    assert (item(desk, "FX-45").name, (task.reading or {})["encoding"]) == ("Schlüssel", "utf-16")


def test_blanks_at_the_ends_of_texts_are_part_of_them(desk: Desk) -> None:
    content = b'sku,name,unit,description\r\n FX-R1 ,"  Rope ","kg "," two\n lines\n"\r\n'
    assert counts(desk.run(content)) == (1, 0, 0, 0, 0)
    rope = item(desk, "FX-R1")
    assert (rope.name, rope.unit, rope.description) == ("Rope ", "kg ", " two\n lines\n")


def test_the_contract_names_the_encodings_that_are_known() -> None:
    parameters = read_document(CONTRACT).raw["paths"]["/imports"]["post"]["parameters"]
    (schema,) = [parameter["schema"] for parameter in parameters if parameter.get("name") == "encoding"]
    assert tuple(schema["enum"]) == ENCODINGS
