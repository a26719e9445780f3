"""A contract that was found valid is not checked again, and one that was changed is."""

import shutil
from pathlib import Path

import pytest

from stockroom.contract import document
from stockroom.contract.document import CONTRACT, ContractError, parse_document, read_document


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(CONTRACT, tmp_path / "openapi" / "openapi.yaml"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "openapi").mkdir()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which documents are checked."""
    seen: list[Path] = []
    check = document.check_document
    monkeypatch.setattr(document, "check_document", lambda one: (seen.append(one.path), check(one)))
    return seen


def test_a_document_is_checked_once_and_is_the_same_afterwards(path: Path, checks: list[Path]) -> None:
    first, second = read_document(path), read_document(path)
    assert checks == [path]
    assert second == first == parse_document(path, path.read_bytes())
    pointer = ("paths", "/items", "get")
    assert second.fault(pointer, "so") == first.fault(pointer, "so") != second.fault((), "so")


def test_a_document_that_was_changed_is_checked_again(path: Path, checks: list[Path]) -> None:
    read_document(path)
    text = path.read_text()
    path.write_text(text.replace("in: query", "in: body", 1))
    with pytest.raises(ContractError):
        read_document(path)
    path.write_text(text + "# the end\n")
    read_document(path)
    read_document(path)
    assert checks == [path] * 3
    assert len([*path.parent.glob("__pycache__/*")]) == 1


def test_a_document_is_checked_each_time_where_nothing_can_be_written(path: Path, checks: list[Path]) -> None:
    (path.parent / "__pycache__").write_text("no folder")
    assert read_document(path) == read_document(path)
    assert checks == [path] * 2


@pytest.mark.parametrize("content", [b"", b'{"openapi"', b"\xff"])
def test_what_was_kept_in_part_is_not_used(path: Path, checks: list[Path], content: bytes) -> None:
    read_document(path)
    (kept,) = path.parent.glob("__pycache__/*")
    kept.write_bytes(content)
    assert read_document(path).raw == parse_document(path, path.read_bytes()).raw
    assert checks == [path] * 2


def test_dates_are_not_taken_for_texts(path: Path, checks: list[Path]) -> None:
    path.write_text(path.read_text() + "\nx-day: 2026-11-22\n")
    assert read_document(path).raw == read_document(path).raw
    assert checks == [path] * 2
