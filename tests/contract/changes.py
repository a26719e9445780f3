"""Changes of a contract's text, and where in it things stand."""

from collections.abc import Callable

Change = Callable[[str], str]
Refusal = Callable[[Change, str, str], None]


def find(text: str, trail: str) -> int:
    """Where the last of some texts begins, each looked for behind the one before; ` > ` parts them."""
    position = -1
    for step in trail.split(" > "):
        position = text.index(step, position + 1)
    return position


def replace(trail: str, old: str, new: str) -> Change:
    """Put `new` for the first `old` behind `trail`."""

    def change(text: str) -> str:
        start = text.index(old, find(text, trail))
        return text[:start] + new + text[start + len(old) :]

    return change


def without(trail: str) -> Change:
    """Leave out the line that `trail` leads to."""

    def change(text: str) -> str:
        position = find(text, trail)
        return text[: text.rindex("\n", 0, position)] + text[text.index("\n", position) :]

    return change


def add(trail: str, text: str) -> Change:
    """Put `text` behind the last of the texts that `trail` leads over."""
    last = trail.rpartition(" > ")[2]
    return replace(trail, last, last + text)


def cut(trail: str, until: str) -> Change:
    """Leave out the lines from the one that `trail` leads to, up to the next that begins with `until`."""

    def change(text: str) -> str:
        start = text.rindex("\n", 0, find(text, trail) + 1)
        return text[:start] + text[text.index(f"\n{until}", start + 1) :]

    return change


def all_of(*changes: Change) -> Change:
    """Change one thing after the other."""

    def change(text: str) -> str:
        for one in changes:
            text = one(text)
        return text

    return change
