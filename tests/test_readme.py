"""The README's tour, run as it stands: what it shows is what comes back."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What differs from one run to the next: ids, times and what is made of them.
VOLATILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|cursor=[\w-]+")


def tour() -> list[tuple[str, str | None]]:
    """The tour's commands, each with the output the README shows for it."""
    text = (ROOT / "README.md").read_text()
    text = text[text.index("## A tour") : text.index("### With a larger file")]
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    steps: list[tuple[str, str | None]] = []
    for language, content in blocks:
        if language == "sh":
            steps.append((content, None))
        else:
            steps[-1] = (steps[-1][0], content)
    return steps


def lines(output: str) -> list[Any]:
    """Lines that can be compared: JSON by value, without what differs."""
    texts = [VOLATILE.sub("…", line.strip()) for line in output.splitlines() if line.strip()]
    return [json.loads(text) if text.startswith("{") else text for text in texts]


def test_the_tour_answers_as_the_readme_says(start_service: Callable[..., Any]) -> None:
    service = start_service(worker=True)
    steps = tour()
    assert len(steps) == 9
    # One shell for all, as a reader has; a line of its own parts the outputs.
    script = "".join(f"{command}\necho\necho '--8<--'\n" for command, _ in steps)
    script = script.replace("http://127.0.0.1:8000", service.url)
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=ROOT,
        env=service.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.split("--8<--\n")[: len(steps)]
    for (command, shown), output in zip(steps, outputs, strict=True):
        if shown is not None:
            assert lines(output) == lines(shown), command
