"""Text from outside as a terminal may show it: nothing in it acts, or hides what it is."""

import re

# Control characters (C0, DEL, C1), such as begin escape sequences and lines; what turns the direction of text
# round (Unicode Standard Annex 9) or separates lines; and halves of surrogate pairs, which have no bytes.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ACTING_BUT_LINES = re.compile(_ACTING.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def printable(text: str) -> str:
    """The text with each such character as Python escapes it, by `x`, `u`, or a letter such as `n`."""
    return text if text.isascii() and text.isprintable() else _ACTING.sub(_escaped, text)


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay."""
    return _ACTING_BUT_LINES.sub(_escaped, text)


def printable_json(line: bytes) -> bytes:
    """JSON in which no such character stands unescaped; control characters below 32 never do."""
    if line.isascii() and b"\x7f" not in line:
        return line
    return _ACTING.sub(_escaped_in_json, line.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _escaped_in_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
