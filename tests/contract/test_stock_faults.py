"""What Connexion does as it comes, and what the runtime does instead.

Where the first half of a test fails, Connexion has mended the fault and the cure may go.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.types import ASGIApp

from stockroom.contract.document import ContractError
from tests.contract.asgi import Answer, ask
from tests.contract.stock import TINY, our_service, stock_service, stock_service_of

Ask = Callable[..., Answer]


def asking(app: ASGIApp) -> Ask:
    def put(*args: Any, **options: Any) -> Answer:
        answer = asyncio.run(ask(app, *args, **options))
        assert answer
        return answer

    return put


@pytest.fixture(scope="module")
def stock() -> Ask:
    return asking(stock_service())


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return asking(our_service(tmp_path_factory.mktemp("uploads")))


def test_a_server_that_shares_its_extensions_mixes_up_identities(tmp_path: Path) -> None:
    async def mixed_up(app: ASGIApp) -> int:
        shared: dict[str, Any] = {}
        names = [f"user{number}" for number in range(60)]
        asked = (ask(app, "GET", "/me", [("Authorization", f"Bearer {n}")], extensions=shared) for n in names)
        answers = await asyncio.gather(*asked)
        return sum(answer.json().get("user") != n for n, answer in zip(names, answers, strict=True) if answer)

    assert asyncio.run(mixed_up(stock_service())) > 0
    assert asyncio.run(mixed_up(our_service(tmp_path))) == 0


def test_an_open_template_before_a_secured_path_opens_it(tmp_path: Path) -> None:
    text = TINY.read_text()
    document = yaml.safe_load(text)
    open_first = sorted(document["paths"].items(), key=lambda entry: entry[0] != "/things/{name}")
    answer = asking(stock_service(paths=dict(open_first)))("GET", "/things/search")
    assert answer.json()["secret"] == "for callers only"

    shadowed = tmp_path / "openapi.yaml"
    shadowed.write_text(text.replace("/things/search:", "/x:").replace("/broken:", "/things/search:"))
    line = 1 + shadowed.read_text().splitlines().index("  /things/search:")
    with pytest.raises(ContractError, match=f":{line}: /things/search is never reached"):
        our_service(tmp_path, shadowed)


def test_a_declared_problem_leaves_no_answer_at_all(ours: Ask) -> None:
    stock = asking(stock_service_of(yaml.safe_load(TINY.read_text())))
    assert stock("GET", "/things").status == 500
    assert ours("GET", "/things").status == 200


@pytest.mark.parametrize("path", ["//me", "/%2fme", "/things/search%0a"])
def test_paths_that_layers_read_differently_break_it(path: str, stock: Ask, ours: Ask) -> None:
    assert stock("GET", path).status == 500
    assert ours("GET", path).status == 400


def test_a_slash_at_the_end_redirects_to_any_host(stock: Ask, ours: Ask) -> None:
    host = [("Host", "evil.example")]
    assert stock("GET", "/me/", host).headers["location"] == "http://evil.example/me"
    answer = ours("GET", "/me/", host)
    assert answer.status == 404
    assert "evil.example" not in str(answer)


def test_401_lacks_its_challenge_and_405_half_of_what_is_allowed(stock: Ask, ours: Ask) -> None:
    assert "www-authenticate" not in stock("GET", "/me").headers
    assert ours("GET", "/me").headers["www-authenticate"] == 'Bearer realm="stockroom"'
    assert "POST" not in stock("DELETE", "/things").headers["allow"]
    assert ours("DELETE", "/things").headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("limit=1_000", id="an integer with an underscore"),
        pytest.param("limit=%205", id="an integer with a space"),
        pytest.param("limit=%D9%A3", id="an integer in Arabic digits"),
        pytest.param("limit=1&limit=2", id="a parameter twice"),
        pytest.param("limits=1", id="an unknown parameter"),
        pytest.param("id=nonsense", id="a uuid that is none"),
        pytest.param("deep=True", id="a boolean of Python's"),
    ],
)
def test_it_takes_parameters_that_are_not_what_was_declared(query: str, stock: Ask, ours: Ask) -> None:
    assert stock("GET", f"/things?{query}").status == 200
    refused = ours("GET", f"/things?{query}")
    assert (refused.status, refused.problem) == (400, "validation-failed")


JSON = [("Content-Type", "application/json")]


def post(put: Ask, body: bytes, media: str = "application/json") -> Answer:
    return put("POST", "/things", [("Content-Type", media), ("Content-Length", str(len(body)))], [body])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"price": NaN}', id="NaN"),
        pytest.param(b'{"price": 1e400}', id="a number beyond all"),
        pytest.param(b'{"name": "a", "name": "b"}', id="a name twice"),
        pytest.param(b'{"name": "\\ud800"}', id="half a surrogate pair"),
    ],
)
def test_it_takes_what_is_no_json(body: bytes, stock: Ask, ours: Ask) -> None:
    assert post(stock, body).status == 200
    assert post(ours, body).status == 400


@pytest.mark.parametrize(
    "body",
    [pytest.param(b"[" * 100_000, id="endless depth"), pytest.param(b'{"name": "\xff"}', id="no UTF-8")],
)
def test_it_breaks_on_bodies_that_cannot_be_read(body: bytes, stock: Ask, ours: Ask) -> None:
    assert post(stock, body).status == 500
    assert post(ours, body).status == 400


def test_it_validates_nothing_when_the_media_type_is_in_capitals(stock: Ask, ours: Ask) -> None:
    assert post(stock, b'{"unknown": 1}', "APPLICATION/JSON").status == 200
    assert post(ours, b'{"unknown": 1}', "APPLICATION/JSON").status == 400


def test_it_refuses_the_null_of_a_nullable_reference(stock: Ask, ours: Ask) -> None:
    assert post(stock, b'{"note": null}').status == 400
    assert post(ours, b'{"note": null}').status == 201


def test_it_loses_json_without_a_length(stock: Ask, ours: Ask) -> None:
    chunks = [b'{"name": ', b'"a"}']
    assert stock("POST", "/things", JSON, chunks).json()["detail"] == "RequestBody is required"
    assert ours("POST", "/things", JSON, chunks).json() == {"body": "{'name': 'a'}"}


def test_it_takes_a_body_of_any_size(stock: Ask, ours: Ask) -> None:
    body = b'{"name": "%s"}' % (b"a" * 2_000_000)
    assert post(stock, body).status == 200
    assert post(ours, body).status == 413


def test_it_tells_of_the_first_fault_only_and_not_where_it_is(stock: Ask, ours: Ask) -> None:
    body = b'{"name": 1, "price": "sesame", "parent": {"parent": {"name": 2}}}'
    problem = post(stock, body).json()
    assert problem["status"] == 400
    assert "errors" not in problem
    assert {error["pointer"] for error in post(ours, body).json()["errors"]} == {
        "/name",
        "/price",
        "/parent/parent/name",
    }


def test_it_repeats_what_was_sent(stock: Ask, ours: Ask) -> None:
    body = b'{"name": 1, "price": "sesame"}'
    assert b"sesame" in post(stock, b'{"price": "sesame"}').body
    assert b"sesame" not in post(ours, body).body
