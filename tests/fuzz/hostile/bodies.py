"""Attacks in JSON bodies: what the text is, and what the values in it are."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import orjson

from tests.fuzz.hostile.attacks import Attack, Family, Plain, one
from tests.fuzz.hostile.values import BROKEN_UTF8, NUMBERS, OTHERS, STRINGS

Trail = tuple[str | int, ...]
MARK = "@@"
LIMIT = 1_048_576  # Bytes, as in stockroom/contract/body_readers.py.


def leaf_as_number(rng: Random, plain: Plain, id: str) -> Attack:
    return _with_leaf("leaf as number", rng, plain, id, rng.choice(NUMBERS).encode())


def leaf_as_text(rng: Random, plain: Plain, id: str) -> Attack:
    return _with_leaf("leaf as text", rng, plain, id, _json(rng.choice(STRINGS)))


def leaf_as_broken_text(rng: Random, plain: Plain, id: str) -> Attack:
    broken = (
        *BROKEN_UTF8,
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\\u0000",
        b"\\uZZZZ",
        b"\\x",
        b"\\",
        b"\x00",
        b"\n",
    )
    return _with_leaf("leaf as broken text", rng, plain, id, b'"a%bb"' % rng.choice(broken))


def leaf_as_other_type(rng: Random, plain: Plain, id: str) -> Attack:
    trail = rng.choice([*trails(plain.value)])
    value = changed(plain.value, trail, lambda _: rng.choice(OTHERS))
    return _body("leaf as another type", plain, id, orjson.dumps(value))


def leaf_nested(rng: Random, plain: Plain, id: str) -> Attack:
    return _with_leaf("leaf nested", rng, plain, id, _nested(rng))


def whole_body(rng: Random, plain: Plain, id: str) -> Attack:
    sound = plain.body
    bodies: tuple[Callable[[], bytes], ...] = (
        lambda: _nested(rng),
        lambda: orjson.dumps(rng.choice(OTHERS)),
        lambda: sound[: rng.randrange(1, len(sound))],
        lambda: sound + rng.choice((b"x", b"{}", sound, b"\0", b"//", b",")),
        lambda: rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\x1e", b")]}',\n", b"//\n")) + sound,
        lambda: sound.decode().encode(rng.choice(("utf-16", "utf-16-be", "utf-32", "cp037"))),
        lambda: rng.choice(
            (b" ", b"\n", b"\x0b", b"\xc2\xa0", b"[", b"{", b'"', b"-", b"\0", b"nul", b"'a'")
        ),
        lambda: rng.randbytes(rng.randrange(1, 200)),
        lambda: sound.replace(b'"', b"'"),
        lambda: sound.replace(b"}", b",}"),
    )
    return _body("whole body", plain, id, rng.choice(bodies)())


def size(rng: Random, plain: Plain, id: str) -> Attack:
    spaces = LIMIT + rng.choice((-1, 0, 1, 1_000_000)) - len(plain.body)
    bodies: tuple[Callable[[], bytes], ...] = (
        lambda: plain.body + b" " * spaces,
        lambda: b"[" + b"1," * (LIMIT // 2 - 1) + b"1]",
        lambda: b"[" + b"{}," * (LIMIT // 3 - 1) + b"{}]",
        lambda: b'"' + b"a" * (LIMIT - 2) + b'"',
        lambda: orjson.dumps({f"k{number}": number for number in range(60_000)}),
        lambda: orjson.dumps(_repeated_entries(rng, plain.value)),
    )
    return _body("size", plain, id, rng.choice(bodies)())


def members(rng: Random, plain: Plain, id: str) -> Attack:
    names = rng.choice((STRINGS, [*plain.value])) if isinstance(plain.value, dict) else STRINGS
    name = _json(rng.choice(names))
    value = orjson.dumps(rng.choice(OTHERS))
    body = plain.body.replace(b"{", b"{%b:%b," % (name, value), 1)
    if rng.random() < 0.3:
        body = plain.body.upper()
    return _body("members", plain, id, body)


def members_missing(rng: Random, plain: Plain, id: str) -> Attack:
    value = dict(plain.value) if isinstance(plain.value, dict) else {}
    for name in rng.sample([*value], rng.randrange(len(value) + 1)):
        del value[name]
    return _body("members missing", plain, id, orjson.dumps(value))


FAMILIES: tuple[Family, ...] = (
    leaf_as_number,
    leaf_as_text,
    leaf_as_broken_text,
    leaf_as_other_type,
    leaf_nested,
    whole_body,
    size,
    members,
    members_missing,
)


def trails(value: Any, trail: Trail = ()) -> Iterator[Trail]:
    """The way to each value within a value, to leaves and to what holds them."""
    yield trail
    if isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from trails(member, (*trail, key))


def changed(value: Any, trail: Trail, change: Callable[[Any], Any]) -> Any:
    """A copy of `value` with what `trail` leads to changed."""
    if not trail:
        return change(value)
    copy = value.copy()
    copy[trail[0]] = changed(value[trail[0]], trail[1:], change)
    return copy


def _with_leaf(family: str, rng: Random, plain: Plain, id: str, text: bytes) -> Attack:
    """An attack with `text` where some value stands, be it JSON or not."""
    trail = rng.choice([*trails(plain.value)])
    marked = orjson.dumps(changed(plain.value, trail, lambda _: MARK))
    return _body(family, plain, id, marked.replace(b'"%b"' % MARK.encode(), text))


def _body(family: str, plain: Plain, id: str, body: bytes) -> Attack:
    return one(family, replace(plain, body=body), id)


def _json(text: str) -> bytes:
    return orjson.dumps(text)


def _nested(rng: Random) -> bytes:
    depth = rng.choice((10, 199, 200, 201, 1_000, 5_000, 100_000))
    begin, end = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    closed = rng.random() < 0.8
    return begin * depth + b"1" + end * (depth if closed else rng.randrange(depth))


def _repeated_entries(rng: Random, value: Any) -> Any:
    """Each list in `value` with thousands of entries: equal ones, all different ones, empty ones."""
    if isinstance(value, dict):
        return {name: _repeated_entries(rng, member) for name, member in value.items()}
    if isinstance(value, list) and value:
        return rng.choice((value[:1] * 5_000, [f"t{number}" for number in range(50_000)], [{}] * 300_000))
    return value
