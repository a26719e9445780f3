"""Attacks in files of comma-separated values, and in how they are to be read."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.fuzz.hostile.attacks import Attack, Family, Plain, one
from tests.fuzz.hostile.targets import query_value
from tests.fuzz.hostile.values import BROKEN_UTF8, NUMBERS, STRINGS


def file(rng: Random, plain: Plain, id: str) -> Attack:
    cell = rng.choice([*STRINGS, *NUMBERS]).encode()
    if rng.random() < 0.2:
        cell = rng.choice(BROKEN_UTF8)
    first = b"sku,name,reorder_point\r\n"
    files: tuple[Callable[[], bytes], ...] = (
        lambda: first + cell + b",Axe," + cell,
        lambda: first + b'A1,"' + cell + b'",1\r\n',
        lambda: first + b'A1,"Axe,1\r\n' * 50,
        lambda: cell + b"\r\n" + cell,
        lambda: b"sku,sku,name\r\na,b,c",
        lambda: b"," * 100_000 + b"\r\n" + b"," * 100_000,
        lambda: b"sku,name\r\n" + b"\r\n" * 20_000,
        lambda: b"sku,name\r\n" + b"a,b,c,d\r\n" * 5_000,
        lambda: b"sku,name\r\na," + b"x" * 700_000,
        lambda: b"\xef\xbb\xbf" + first + b"A1,Axe,1\n",
        lambda: (first + b"A1,Axe,1\n").decode().encode(rng.choice(("utf-16", "utf-16-le", "utf-32"))),
        lambda: first.replace(b",", rng.choice((b";", b"\t", b"|", b"\0", b"\x1f"))) + b"A1;Axe;1",
        lambda: first + b"A1,Axe,1\r" + b"A2,Axe,1\n" + b"A3,Axe,1\r\n" + b"\x1a",
        lambda: first[:-2] + b"\0" + b"\r\nA1\0,Axe,1",
        lambda: rng.randbytes(rng.randrange(1, 500)),
        lambda: b"PK\x03\x04" + rng.randbytes(100),
        lambda: b"",
        lambda: b"\r\n",
    )
    return one("file", replace(plain, body=rng.choice(files)()), id)


def reading(rng: Random, plain: Plain, id: str) -> Attack:
    """The same file with other words on how to read it."""
    return replace(query_value(rng, plain, id), family="reading")


FAMILIES: tuple[Family, ...] = (file, reading)
