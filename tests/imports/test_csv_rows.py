"""Rows of CSV files, well-formed and hostile."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockroom.imports.csv_head import read_head
from stockroom.imports.csv_lines import LONGEST_LINE, survey
from stockroom.imports.csv_records import LONGEST_FIELD
from stockroom.imports.csv_rows import read_rows
from stockroom.imports.item_rows import FIELDS
from stockroom.imports.model import ENCODINGS, Column, FileRow, Rejection

COLUMNS = {"sku": Column(0, "Code"), "name": Column(1, "Title")}


def read(
    content: bytes, *, encoding: str = "utf-8", delimiter: str = ",", width: int = 2
) -> list[FileRow | Rejection]:
    source = io.BytesIO(content)
    return list(
        read_rows(source, encoding=encoding, delimiter=delimiter, width=width, columns=COLUMNS, fields=FIELDS)
    )


def names(content: bytes, **options: str) -> list[str]:
    return [row.values["name"] for row in read(content, **options) if isinstance(row, FileRow)]


def rejections(content: bytes, **options: str) -> list[Rejection]:
    return [row for row in read(content, **options) if isinstance(row, Rejection)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_any_of_the_three_ways(end: bytes) -> None:
    content = end.join([b"Code,Title", b"a,Anvil", b"", b"b,Bolt"])
    assert read(content) == [
        FileRow(2, {"sku": "a", "name": "Anvil"}),
        FileRow(4, {"sku": "b", "name": "Bolt"}),
    ]
    assert survey(io.BytesIO(content), None).lines == 4


def test_codes_have_no_blanks_around_them_and_lines_none_before_them() -> None:
    assert read(b"Code,Title\n a ,\tAnvil \n") == [FileRow(2, {"sku": "a", "name": "Anvil "})]


def test_empty_rows_are_passed_over() -> None:
    assert read(b'Code,Title\n\n , \n"",\n" ",""\na,Anvil\n,\n') == [
        FileRow(6, {"sku": "a", "name": "Anvil"})
    ]


def test_quoted_values_hold_delimiters_quotes_and_line_ends() -> None:
    content = b'Code,Title\na,"Anvil, ""heavy"""\nb,"two\r\nlines"\nc,12" ruler\n'
    assert read(content) == [
        FileRow(2, {"sku": "a", "name": 'Anvil, "heavy"'}),
        FileRow(3, {"sku": "b", "name": "two\r\nlines"}, lines=2),
        FileRow(5, {"sku": "c", "name": '12" ruler'}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_of_the_delimiters_separates(delimiter: str) -> None:
    content = f'Code{delimiter}Title\na{delimiter}"A{delimiter}B"\n'.encode()
    assert names(content, delimiter=delimiter) == [f"A{delimiter}B"]


def test_values_missing_at_the_end_of_a_row_are_empty_and_further_ones_must_be() -> None:
    rows = read(b"Code,Title\na\nb,Bolt,x\nc,Cog,, \n")
    assert rows == [
        FileRow(2, {"sku": "a", "name": ""}),
        Rejection(3, None, "has 3 values where the header has 2 columns", "b,Bolt,x"),
        FileRow(4, {"sku": "c", "name": "Cog"}),
    ]


def test_a_quote_that_is_never_closed_takes_bounded_many_lines_with_it() -> None:
    filler = b"x,some row that is swallowed by the quote\n"
    lost = LONGEST_FIELD // len(filler)
    rows = read(b'Code,Title\na,"Anvil\n' + filler * (lost + 500) + b"b,Bolt\n")
    assert isinstance(rows[0], Rejection)
    assert rows[0].line == 2
    assert (rows[0].reason, rows[0].lines) == ("a quoted value is not closed", lost + 2)
    assert rows[-1] == FileRow(lost + 503, {"sku": "b", "name": "Bolt"})
    assert len(rows) == 501


def test_a_quote_open_at_the_end_of_the_file_is_rejected() -> None:
    assert rejections(b'Code,Title\na,"Anvil\nb,Bolt') == [
        Rejection(2, None, "a quoted value is not closed", 'a,"Anvil', lines=2)
    ]
    assert rejections(b'Code,Title\na,"') == [Rejection(2, None, "a quoted value is not closed", 'a,"')]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_value_of_a_megabyte_is_rejected_and_shown_in_part(quote: bytes) -> None:
    rows = read(b"Code,Title\na," + quote + b"x" * 1_000_000 + quote + b"\nb,Bolt\n")
    assert isinstance(rows[0], Rejection)
    assert rows[0].reason == f"a value is longer than {LONGEST_FIELD} characters"
    assert len(rows[0].value or "") == 100
    assert rows[1:] == [FileRow(3, {"sku": "b", "name": "Bolt"})]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("excess", [1, 300_000, 2**18 * 3])
def test_a_line_beyond_bounds_is_skipped_to_its_end(end: bytes, excess: int) -> None:
    content = end.join([b"Code,Title", b"x" * (LONGEST_LINE + excess), b"b,Bolt", b""])
    assert read(content) == [
        Rejection(2, None, f"the line is longer than {LONGEST_LINE} bytes", None),
        FileRow(3, {"sku": "b", "name": "Bolt"}),
    ]


def test_broken_characters_reject_their_row_and_name_the_column() -> None:
    rows = read("Code,Title\na,Öl\n".encode() + b"b,\xd6l\nc,Cog\n")
    assert rows == [
        FileRow(2, {"sku": "a", "name": "Öl"}),
        Rejection(3, "Title", "is not utf-8 text", "\N{REPLACEMENT CHARACTER}l"),
        FileRow(4, {"sku": "c", "name": "Cog"}),
    ]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_with_and_without_a_mark(codec: str) -> None:
    content = "Code,Title\r\na,Öl und \N{GRINNING FACE}\r\n".encode(codec)
    assert names(content, encoding="utf-16") == ["Öl und \N{GRINNING FACE}"]
    assert survey(io.BytesIO(content), "utf-16").lines == 2


def test_broken_utf_16_rejects_its_row() -> None:
    content = "Code,Title\na,".encode("utf-16-le") + b"\x00\xd8" + "\nb,Bolt\n".encode("utf-16-le") + b"\x00"
    rows = read(content, encoding="utf-16")
    assert [type(row) for row in rows] == [Rejection, FileRow, Rejection]


def test_a_byte_order_mark_belongs_to_no_column() -> None:
    content = "\N{ZERO WIDTH NO-BREAK SPACE}sku,name\na,Öl\n".encode()
    head = read_head(io.BytesIO(content), FIELDS, encoding=None, delimiter=None, wanted=None)
    assert head.titles == ["sku", "name"]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain", "utf-8"),
        ("Öl".encode(), "utf-8"),
        ("Öl".encode("windows-1252"), "windows-1252"),
        ("Öl\n".encode() + b"\xd6l", "utf-8"),
        (b"x" * (2**18 - 1) + "Öl".encode(), "utf-8"),
        (b"x" * (2**18 - 1) + "€".encode() + b"\xd6", "utf-8"),
        (b"ends in the midst \xe2\x82", "windows-1252"),
        ("Öl".encode("utf-8-sig"), "utf-8"),
        ("Öl".encode("utf-16"), "utf-16"),
        (b"", "utf-8"),
    ],
)
def test_the_encoding_is_found_out_from_the_whole_file(content: bytes, encoding: str) -> None:
    assert survey(io.BytesIO(content), None).encoding == encoding


def test_what_the_caller_says_of_the_encoding_counts() -> None:
    assert survey(io.BytesIO("Öl".encode()), "iso-8859-1").encoding == "iso-8859-1"
    assert names("Code,Title\na,Öl\n".encode(), encoding="iso-8859-1") == ["Ã\x96l"]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        (b"sku;name\na,b;c,d\n", ";"),
        (b"sku,name\n", ","),
        (b"sku\tname\na\tb;c\n", "\t"),
        (b"sku|name|tags\na|b|\n", "|"),
        (b'"x;y;z",sku,name\n1,a,b\n', ","),
    ],
)
def test_the_delimiter_is_found_out_from_the_head(content: bytes, delimiter: str) -> None:
    assert (
        read_head(io.BytesIO(content), FIELDS, encoding=None, delimiter=None, wanted=None).delimiter
        == delimiter
    )


def test_wanted_columns_tell_between_delimiters() -> None:
    content = b"a,b,c;d\n1,2,3;4\n"
    head = read_head(
        io.BytesIO(content), FIELDS, encoding=None, delimiter=None, wanted=["a,b,c:sku", "d:name"]
    )
    assert head.delimiter == ";"


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [("sep=;", ";"), ("SEP=;", ";"), ('"sep=\t"', "\t"), ("sep=|", "|"), ("sep=,", ",")],
)
def test_a_line_that_names_the_delimiter_is_no_row(first: str, delimiter: str) -> None:
    content = f"{first}\r\nsku{delimiter}name\r\na{delimiter}b;c\r\n".encode()
    head = read_head(io.BytesIO(content), FIELDS, encoding=None, delimiter=None, wanted=None)
    assert (head.delimiter, head.line, head.titles) == (delimiter, 2, ["sku", "name"])


@pytest.mark.parametrize("filler", [b"\r" * 70_000, b"," * 70_000, b"a,b\n" * 20_000])
def test_a_header_is_found_before_whatever_follows(filler: bytes) -> None:
    head = read_head(io.BytesIO(b"sku,name\n" + filler), FIELDS, encoding=None, delimiter=None, wanted=None)
    assert head.titles == ["sku", "name"]


@pytest.mark.parametrize("content", [b"", b"\n\r\n \n", b'"', b"x" * 70_000, b'"' + b"x\n" * 40_000])
def test_a_file_without_a_header_has_no_titles(content: bytes) -> None:
    assert read_head(io.BytesIO(content), FIELDS, encoding=None, delimiter=None, wanted=None).titles is None


def test_lines_behind_a_stray_quote_are_left_out_up_to_one_that_is_sure() -> None:
    stray = "a quote stands within a value without being doubled"
    content = (
        b'Code,Title\na,"Anvil\nb,Bolt\nc,"Cog"\nd,Drill" bit\ne\nf,"Fan, ""big"""\ng,"Gear" old\nh,Hook\n'
    )
    assert read(content) == [
        Rejection(2, None, stray, 'a,"Anvil', lines=5),
        FileRow(7, {"sku": "f", "name": 'Fan, "big"'}),
        Rejection(8, None, stray, 'g,"Gear" old'),
        FileRow(9, {"sku": "h", "name": "Hook"}),
    ]


def test_no_more_is_left_out_in_one_piece_than_is_read_in_one() -> None:
    line = b'x,12" ruler\n'
    rows = read(b'Code,Title\na,"Anvil"x\n' + line * 10_000)
    assert [type(row) for row in rows] == [Rejection, Rejection]
    assert [(row.line, row.lines) for row in rows] == [
        (2, rows[1].line - 2),
        (rows[1].line, 10_003 - rows[1].line),
    ]


WHITE = (
    "".join(map(chr, range(256)))
    .encode("iso-8859-1")
    .translate(None, bytes(b for b in range(256) if not chr(b).isspace()))
)
"""What counts as white space in ISO 8859-1."""

FRAGMENTS: Sequence[bytes] = (
    *(b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xc3\xa4", b"\xe2\x82", b"a", b" "),
    *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x00\xd8", b"x" * 70_000, b"Code,Title\n", b"a,Anvil\n"),
)


@given(
    st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join)),
    st.sampled_from([None, *ENCODINGS]),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_no_bytes_raise_an_error(content: bytes, encoding: str | None, delimiter: str) -> None:
    read_head(io.BytesIO(content), FIELDS, encoding=encoding, delimiter=None, wanted=["Code:sku"])
    found = survey(io.BytesIO(content), encoding)
    rows = read(content, encoding=found.encoding, delimiter=delimiter)
    assert len(rows) <= found.lines
    for row in rows:
        assert 1 <= row.line <= found.lines
        if isinstance(row, Rejection):
            assert len(row.reason) <= 300
            assert row.value is None or (len(row.value) <= 100 and row.value.isprintable())
        else:
            assert "\n" not in row.values["sku"] or '"' in content.decode(found.encoding, "replace")


@given(
    st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join)),
    st.sampled_from([",", ";"]),
)
def test_each_line_is_recorded_listed_or_empty(content: bytes, delimiter: str) -> None:
    # Any byte is a character of this encoding.
    content = f"Code{delimiter}Title\n".encode() + content
    lines = content.splitlines()
    told = [1]
    for row in read(content, encoding="iso-8859-1", delimiter=delimiter):
        told += range(row.line, row.line + row.lines)
        if isinstance(row, FileRow):
            written = b"\n".join(lines[row.line - 1 : row.line - 1 + row.lines])
            for value in row.values.values():
                recorded = b"\n".join(value.encode("iso-8859-1").splitlines())
                # Quotes are doubled only within a quoted value.
                assert recorded in written or recorded.replace(b'"', b'""') in written
            assert row.lines == 1 or b'"' in written
    assert len(told) == len(set(told))
    passed_over = [line for number, line in enumerate(lines, start=1) if number not in set(told)]
    assert all(not line.strip(b' \t"' + delimiter.encode() + WHITE) for line in passed_over)


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(_text, _text), max_size=20), st.sampled_from(["utf-8", "utf-16"]))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str]], encoding: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("Code", "Title"), *rows])
    got = read(written.getvalue().encode(encoding), encoding=encoding)
    assert [tuple(row.values.values()) for row in got if isinstance(row, FileRow)] == [
        (sku.strip(), name.lstrip(" \t\r\n\v\f")) for sku, name in rows if sku.strip() or name.strip()
    ]
    assert all(isinstance(row, FileRow) for row in got)
