"""The pages with figures: these are put between marks, what stands around them is written by hand."""

import re
from collections.abc import Mapping
from pathlib import Path

from bench.servers import ROOT

PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "performance.svg"


def put(blocks: Mapping[str, str], page: Path = PAGE) -> None:
    """Replace the blocks of a page, each between `<!-- bench: name -->` and `<!-- /bench -->`."""
    text = page.read_text()
    for name, block in blocks.items():
        text = replaced(text, name, block)
    page.write_text(text)


def replaced(page: str, name: str, block: str) -> str:
    """The page with `block` between the marks of that name. ValueError if it has none, or several."""
    marks = re.compile(rf"(<!-- bench: {re.escape(name)} -->\n).*?(<!-- /bench -->)", re.DOTALL)
    page, found = marks.subn(lambda match: f"{match[1]}{block}\n{match[2]}", page)
    if found != 1:
        raise ValueError(f"the page has {found} blocks called {name}")
    return page
