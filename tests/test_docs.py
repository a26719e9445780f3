"""The commands of README and docs: the tour is run as it stands; of the others is proved that they exist."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from stockroom.cli import main as stockroom
from stockroom.security_log import WARNINGS, Event
from tests.proxying import StartProxy

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]

# Commands that are neither run nor looked up, each with its reason. It is best kept empty.
UNPROVEN: dict[str, str] = {}

BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`((?:make|stockroom|\.venv/bin/\w+) [^`]+)`")
COMMAND = re.compile(r"(curl|make|stockroom|\.venv/bin/\w+) ")
VARIABLE = re.compile(r"\w+=.*")
# What differs from one run to the next: ids, times and what is made of them.
VOLATILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|cursor=[\w-]+")

RETAIL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
"""


@dataclass(frozen=True)
class Block:
    """A block of a page. What shows no language is taken for commands if it begins with one."""

    language: str
    text: str

    @property
    def is_commands(self) -> bool:
        return self.language == "sh" or (not self.language and COMMAND.match(self.text) is not None)


def blocks(text: str) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(text)]


# The tour


def tour_and_rest() -> tuple[str, str]:
    """The README's part that is run, and all its others."""
    text = README.read_text()
    start, end = text.index("## A tour"), text.index("## Settings")
    return text[start:end], text[:start] + text[end:]


def steps() -> list[tuple[str, str | None]]:
    """The tour's commands, each with the output the README shows for it."""
    told: list[tuple[str, str | None]] = []
    for block in blocks(tour_and_rest()[0]):
        if block.is_commands:
            told.append((block.text, None))
        else:
            told[-1] = (told[-1][0], block.text)
    return told


def lines(output: str) -> list[Any]:
    """Lines that can be compared: JSON by value, without what differs."""
    texts = [VOLATILE.sub("…", line.strip()) for line in output.splitlines() if line.strip()]
    return [json.loads(text) if text.startswith("{") else text for text in texts]


def take_the_tour(url: str, environment: Mapping[str, str], folder: Path) -> None:
    """Run the tour's commands against a service at `url`, and hold what they print against the README."""
    # A line stands for the data set, which is not ours to keep.
    retail = folder / "online-retail.csv"
    retail.write_text(RETAIL)
    # One shell for all, as a reader has; a line of its own parts the outputs.
    script = "".join(f"{command}\necho\necho '--8<--'\n" for command, _ in steps())
    script = script.replace("http://127.0.0.1:8000", url).replace("@online-retail.csv", f"@{retail}")
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.split("--8<--\n")[:-1]
    for (command, shown), output in zip(steps(), outputs, strict=True):
        if shown is None:
            assert "/problems/" not in output, command
        else:
            assert lines(output) == lines(shown), command


def test_the_tour_answers_as_the_readme_says(start_service: Callable[..., Any], tmp_path: Path) -> None:
    service = start_service(worker=True)
    take_the_tour(service.url, service.environment, tmp_path)


def test_the_tour_answers_so_behind_nginx_too(
    start_service: Callable[..., Any], start_proxy: StartProxy, tmp_path: Path
) -> None:
    service = start_service(worker=True, trusted_proxies=1)
    proxy = start_proxy(service.url)
    # The README shows the answers of HTTP/1.1.
    (tmp_path / ".curlrc").write_text(f'cacert = "{proxy.certificate}"\nhttp1.1\ncompressed\n')
    take_the_tour(proxy.url, {**service.environment, "CURL_HOME": str(tmp_path)}, tmp_path)


# All other commands


def commands(text: str) -> Iterator[str]:
    """The commands of a page, in blocks and in its sentences, without comments."""
    for block in blocks(text):
        if block.is_commands:
            for line in block.text.replace("\\\n", " ").splitlines():
                yield shlex.join(shlex.split(line, comments=True))
    yield from INLINE.findall(BLOCK.sub("", text))


def all_commands() -> list[str]:
    texts = [tour_and_rest()[1] if page == README else page.read_text() for page in PAGES]
    return sorted({command for text in texts for command in commands(text) if command})


def prove(command: str) -> None:
    """Hold that a command exists, without having it do its work; AssertionError says what is wrong."""
    words = shlex.split(command)
    while words and VARIABLE.fullmatch(words[0]):
        words.pop(0)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        for target in (word for word in words[1:] if not VARIABLE.fullmatch(word)):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"there is no make {target}"
    elif words[0] in ("stockroom", ".venv/bin/stockroom"):
        told = CliRunner().invoke(stockroom, [*words[1:], "--help"])
        assert told.exit_code == 0, told.output
    elif words[0].startswith(".venv/bin/"):
        program = Path(sys.executable).with_name(Path(words[0]).name)
        assert program.exists(), f"{words[0]} is not installed"
        subprocess.run([program, *words[1:], "--help"], cwd=ROOT, check=True, capture_output=True)
    else:
        assert command in UNPROVEN, (
            f"nobody knows whether {command!r} works: add it to UNPROVEN, with a reason"
        )


@pytest.mark.parametrize("command", all_commands())
def test_a_command_that_is_named_exists(command: str) -> None:
    prove(command)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("make docs", "there is no make docs"),
        ("ARGS=-x make pytest nothing", "there is no make nothing"),
        (".venv/bin/stockroom downgrade", "No such command 'downgrade'"),
        (".venv/bin/nothing", "is not installed"),
        ("rm -r var", "nobody knows whether"),
    ],
)
def test_a_command_that_does_not_exist_is_found_out(command: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        prove(command)


def test_what_is_not_proved_is_still_in_the_docs() -> None:
    assert UNPROVEN.keys() <= set(all_commands())


def test_commands_are_found_in_blocks_and_sentences() -> None:
    page = """Run `make run`, see `docs` or `stockroom check`.
```sh
A=1 make fuzz \\
  ARGS=x  # for long
```
```
make test       # all
```
```
no command
```
"""
    assert list(commands(page)) == ["A=1 make fuzz ARGS=x", "make test", "make run", "stockroom check"]


# What is said of security


SECURITY = ROOT / "docs" / "security.md"
QUOTED = re.compile("`(.+?)`")
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def rows(page: str, first: str) -> Iterator[list[str]]:
    """The cells of the rows of all tables whose first column has this head."""
    inside = False
    for line in page.splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.startswith(f"| {first} |"):
            inside = True
        elif inside and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def unproved(page: str) -> Iterator[str]:
    """What a page names as tests and is none, and the threats that no test is named for."""
    for threat, _, named in rows(page, "threat"):
        if not NAMED_TEST.search(named):
            yield f"no test is named for {threat!r}"
        # Whatever else stands there would not be looked for.
        if rest := NAMED_TEST.sub("", named).replace(",", "").strip():
            yield f"{rest} is no test"
    for file, test in NAMED_TEST.findall(page):
        path = ROOT / "tests" / file
        if not (path.exists() and f"\ndef {test}(" in path.read_text()):
            yield f"there is no {test} in tests/{file}"


def test_each_answer_to_a_threat_names_tests_that_are_there() -> None:
    page = SECURITY.read_text()
    assert len(list(rows(page, "threat"))) > 60
    assert list(unproved(page)) == []


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("", "no test is named for 'fire'"),
        ("`test_docs.py::test_fire`", "there is no test_fire in tests/test_docs.py"),
        ("`fire.py::test_fire`", "there is no test_fire in tests/fire.py"),
        ("`test_docs.py::test_a_command_that_is_named_exists`, `fire.py`", "`fire.py` is no test"),
    ],
)
def test_an_answer_without_a_test_is_found_out(named: str, told: str) -> None:
    assert list(unproved(f"| threat | answer | test |\n|---|---|---|\n| fire | water | {named} |\n")) == [
        told
    ]


def test_the_events_of_the_security_log_are_all_explained() -> None:
    heads = [event for event, *_ in rows(SECURITY.read_text(), "event")]
    assert sorted(name for head in heads for name in QUOTED.findall(head)) == sorted(get_args(Event))
    assert {name for head in heads if "*" in head for name in QUOTED.findall(head)} == WARNINGS
