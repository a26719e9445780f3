"""The Content-Type decides how a body is read; what the operation does not take is 415."""

import encodings
from typing import Any

import pytest

from stockroom.contract.problems import Problem
from stockroom.http.bodies import read_media_type

CREDENTIALS = '{"username": "nobody"}'


@pytest.mark.parametrize(
    "header",
    [
        "application/json",
        "APPLICATION/JSON",
        "Application/Json ; Charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/json; charset=utf8",
        "application/json; charset=us-ascii",
        "application/json;",
        "application/json; profile=x",
    ],
)
def test_json_is_known_by_any_of_its_names(header: str, service: Any) -> None:
    answer = service.post("/login", headers={"Content-Type": header}, content=CREDENTIALS)
    assert answer.json()["type"] == "/problems/validation-failed"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ";",
        "json",
        "text/plain",
        "text/json",
        "application/problem+json",
        "application/merge-patch+json",
        "application/json, application/json",
        "application/jsonx",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=nonsense",
        "application/json; charset=",
        "application/json; charset=base64",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset=../../x",
        f"application/json; charset={'x' * 5_000}",
        b"application/json; charset=utf-8\xff",
    ],
)
def test_another_media_type_or_charset_is_415(header: str | bytes | None, service: Any) -> None:
    headers = {} if header is None else {"Content-Type": header}
    answer = service.post("/login", headers=headers, content=CREDENTIALS)
    assert answer.status_code == 415
    assert answer.json()["type"] == "/problems/unsupported-media-type"


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "nonsense"])
def test_an_encoded_body_is_415(encoding: str, service: Any) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    assert service.post("/login", headers=headers, content=CREDENTIALS).status_code == 415


def test_names_of_charsets_that_strangers_make_up_are_not_remembered() -> None:
    before = len(encodings._cache)  # type: ignore[attr-defined]  # Python's own memory of every name asked for.
    for number in range(50):
        with pytest.raises(Problem):
            read_media_type(f"text/csv; charset=made-up-{number}")
    assert len(encodings._cache) == before  # type: ignore[attr-defined]  # see above


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("windows-1252", "cp1252"), ("ISO-8859-1", "iso8859-1"), ("UTF-16", "utf-16"), ("latin1", "iso8859-1")],
)
def test_a_files_charset_is_called_as_python_calls_it(charset: str, codec: str) -> None:
    assert read_media_type(f"text/csv; charset={charset}").charset == codec
