"""Who may call: one key, compared by digest; nothing but one's own pages while no key is set."""

import pytest
from pydantic import SecretStr

from honeyguide.api.auth import SCOPES, Gatekeeper
from honeyguide.config.settings import Auth
from honeyguide.errors import Forbidden, Unauthorized

KEY = "s3cret-käse"


def gate(key: str | None = KEY) -> tuple[Gatekeeper, list[str]]:
    refused: list[str] = []
    return Gatekeeper(Auth(key=None if key is None else SecretStr(key)), refused.append), refused


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer " + KEY.encode()},
        {b"authorization": b"bearer  " + KEY.encode() + b" "},
        {b"x-api-key": KEY.encode()},
    ],
)
def test_the_key_holds_every_scope(headers: dict[bytes, bytes]) -> None:
    keeper, refused = gate()
    for scope in SCOPES:
        keeper.admit(headers, scope, "DELETE")
    assert keeper.scopes(headers) == SCOPES
    assert refused == []
    assert not keeper.open


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing"),
        ({b"authorization": b"Basic dTpw"}, "missing"),
        ({b"authorization": KEY.encode()}, "missing"),
        ({b"authorization": b"Bearer"}, "wrong"),
        ({b"authorization": b"Bearer "}, "wrong"),
        ({b"authorization": b"Bearer " + KEY.encode()[:-1]}, "wrong"),
        ({b"authorization": b"Bearer " + KEY.encode() + b"x"}, "wrong"),
        ({b"authorization": b"Bearer \xff\xfe"}, "wrong"),
        ({b"x-api-key": b""}, "wrong"),
        ({b"authorization": b"Basic x", b"x-api-key": KEY.encode()}, "missing"),
    ],
)
def test_anything_else_holds_none(headers: dict[bytes, bytes], reason: str) -> None:
    keeper, refused = gate()
    with pytest.raises(Unauthorized) as caught:
        keeper.admit(headers, "recommend:read")
    assert refused == [reason]
    assert KEY not in str(caught.value)
    assert "auth.key" in str(caught.value)


def test_without_a_key_everything_is_open() -> None:
    keeper, refused = gate(None)
    assert keeper.open
    for scope in SCOPES:
        keeper.admit({}, scope, "POST")
        keeper.admit({b"authorization": b"Bearer whatever"}, scope, "POST")
    assert refused == []


def test_while_open_a_page_of_another_site_may_look_but_not_write() -> None:
    keeper, refused = gate(None)
    own = {b"origin": b"http://localhost:8000", b"host": b"localhost:8000"}
    other = {b"origin": b"https://evil.example", b"host": b"localhost:8000"}
    keeper.admit(own, "events:write", "POST")
    keeper.admit(other, "recommend:read", "GET")
    for headers in (other, {**other, b"origin": b"null"}, {b"origin": b"https://evil.example"}):
        with pytest.raises(Forbidden, match=r"auth\.key"):
            keeper.admit(headers, "events:write", "POST")
    assert refused == ["origin"] * 3


def test_with_a_key_the_origin_does_not_matter() -> None:
    keeper, _ = gate()
    headers = {b"authorization": b"Bearer " + KEY.encode(), b"origin": b"https://shop.example", b"host": b"api.example"}
    keeper.admit(headers, "events:write", "POST")
