"""The OAuth2 password form on POST /login."""

from typing import Any

import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param("username=a&username=b&password=c", ["/username"], id="a name twice"),
        pytest.param("username=a&password=b&password=b", ["/password"], id="the password twice"),
        pytest.param("username=a&password=b&a/b~c=1&a/b~c=2", ["", "/a~1b~0c"], id="an odd name twice"),
        pytest.param(
            "grant_type=client_credentials&username=a&password=b", ["/grant_type"], id="another grant"
        ),
        pytest.param("grant_type=&username=a&password=b", ["/grant_type"], id="no grant"),
        pytest.param("username=a", [""], id="no password"),
        pytest.param("username=a&password=b&admin=true", [""], id="an unknown name"),
        pytest.param("username=a&password=", ["/password"], id="an empty password"),
        pytest.param("", ["", ""], id="empty"),
        pytest.param('{"username": "a"}', ["", "", ""], id="JSON"),
    ],
)
def test_a_form_is_held_against_its_schema(body: str, pointers: list[str], service: Any) -> None:
    answer = service.post("/login", headers=FORM, content=body)
    assert answer.status_code == 400
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == pointers


@pytest.mark.parametrize(
    "body", [b"username=%", b"username=%ff", b"username=\xff", b"username=a%00", b"%zz=1"]
)
def test_a_form_that_cannot_be_decoded_is_malformed(body: bytes, service: Any) -> None:
    answer = service.post("/login", headers=FORM, content=body)
    assert answer.json()["type"] == "/problems/malformed-request"


def test_no_fault_repeats_the_password(service: Any) -> None:
    answer = service.post("/login", headers=FORM, content="username=&password=" + "sesame" * 50)
    assert answer.status_code == 400
    assert "sesame" not in answer.text


def test_a_form_of_thousands_of_names_is_malformed(service: Any) -> None:
    answer = service.post("/login", headers=FORM, content="&".join(f"n{number}=" for number in range(1_001)))
    assert answer.json()["type"] == "/problems/malformed-request"
