"""Whatever is excused from a check says why, on its own line."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MARK = re.compile(r"(?:ruff: )?(?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[\w, -]+\])?)(?!\w)")


def unexplained(path: Path) -> Iterator[str]:
    """The marks of a file that have no word of a reason behind them."""
    with path.open("rb") as file:
        comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    for comment in comments:
        marked = MARK.search(comment.string)
        if marked and not re.search(r"\w", MARK.sub("", comment.string[marked.end() :])):
            yield f"{path.name}:{comment.start[0]}: {comment.string}"


def test_each_mark_gives_its_reason() -> None:
    files = [path for path in ROOT.rglob("*.py") if not any(part.startswith(".") for part in path.parts)]
    assert len(files) > 200
    assert [line for path in files for line in unexplained(path)] == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("x = 1  # noqa: S101", True),
        ("x = 1  # noqa", True),
        ("x = 1  # type: ignore[misc]", True),
        ("x = 1  # type: ignore[misc]  # noqa: PYI024", True),
        ("# ruff: noqa: E402", True),
        ("x = 1  # noqa: S101 - it is a test", False),
        ("x = 1  # type: ignore[misc]  # noqa: PYI024 - known at run time alone", False),
        ("x = '# noqa'", False),
    ],
)
def test_a_mark_without_a_reason_is_found(line: str, is_found: bool, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(f"{line}\n")
    assert bool([*unexplained(tmp_path / "module.py")]) == is_found
