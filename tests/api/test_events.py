"""Events over HTTP: acknowledged when they are durable, refused one by one, and known to the next list."""

import json
from pathlib import Path
from typing import Any

import pytest

from honeyguide.config.settings import Server
from tests.api.site import Site, pointers, problem

EVENT = {"type": "purchase", "user_id": "u1", "item_id": "i1"}
LINES = {"content-type": "application/x-ndjson"}


def log(site: Site) -> list[Any]:
    return [row for batch in site.runtime.store.log.scan() for row in batch]


def lines(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def test_tracking_by_parameters(site: Site) -> None:
    answer = site.post("/track/purchase?user_id=u1&item_id=a%2Fb&value=19.9&quantity=2&ts=1779999999000&event_id=e1")
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": [], "sequence": 1}
    (row,) = log(site)
    assert (row.type, row.user_id, row.item_id, row.value, row.quantity) == ("purchase", "u1", "a/b", 19.9, 2.0)
    assert (row.ts, row.event_id) == (1779999999000, "e1")


def test_tracking_by_body(site: Site) -> None:
    body = {"user_id": "u1", "item_id": "i1", "ts": "2026-05-01T00:00:00Z", "properties": {"page": {"n": 3}}}
    assert site.post("/track/view", body).status_code == 202
    (row,) = log(site)
    assert (row.type, row.ts, json.loads(row.payload or "")) == ("view", 1777593600000, {"page": {"n": 3}})


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("/track/purchase?item_id=i1", "/user_id"),
        ("/track/purchase?user_id=u1", "/item_id"),
        ("/track/purchse?user_id=u1&item_id=i1", "/type"),
        ("/track/%F0%9F%8D%AF?user_id=u1&item_id=i1", "/type"),
        ("/track/a%2Fb?user_id=u1&item_id=i1", "/type"),
        ("/track/rating?user_id=u1&item_id=i1&value=ten", "/value"),
        ("/track/rating?user_id=u1&item_id=i1&value=nan", "/value"),
        ("/track/view?user_id=u1&item_id=i1&ts=1700000000", "/ts"),
        ("/track/view?user_id=u1&item_id=i1&ts=soon", "/ts"),
        ("/track/view?user_id=u1&item_id=i1&type=view", "/type"),
        ("/track/view?user_id=a%00&item_id=i1", "/user_id"),
        ("/track/view?user_id=u1&item_id=" + "x" * 257, "/item_id"),
    ],
)
def test_bad_events_are_pointed_at(site: Site, path: str, at: str) -> None:
    assert pointers(site.post(path)) == [at]
    assert log(site) == []


def test_one_event_as_an_object(site: Site) -> None:
    first = site.post("/v1/events", {**EVENT, "event_id": "e1"})
    again = site.post("/v1/events", {**EVENT, "event_id": "e1"})
    assert (first.status_code, first.json()["accepted"]) == (202, 1)
    assert (again.status_code, again.json()["accepted"], again.json()["duplicates"]) == (202, 0, 1)
    refused = site.post("/v1/events", {**EVENT, "type": "no such"})
    assert pointers(refused) == ["/type"]
    assert refused.json()["code"] == "undeclared_type"
    assert pointers(site.post("/v1/events", [EVENT])) == [""]
    assert pointers(site.post("/v1/events", {**EVENT, "itemid": "x"})) == ["/itemid"]


def test_a_batch_keeps_what_it_can(site: Site) -> None:
    rows = [EVENT, {"type": "view"}, {**EVENT, "value": "much"}, {**EVENT, "type": "zz"}, 7, {**EVENT, "user_id": "u2"}]
    answer = site.post("/v1/events:batch", rows)
    assert answer.status_code == 202
    report = answer.json()
    assert (report["accepted"], report["sequence"]) == (2, 2)
    assert sorted((entry["index"], entry["pointer"]) for entry in report["rejected"]) == [
        (1, "/user_id"),
        (2, "/value"),
        (3, "/type"),
        (4, ""),
    ]
    assert all(entry["code"] and entry["detail"] for entry in report["rejected"])
    assert [row.user_id for row in log(site)] == ["u1", "u2"]


def test_lines_are_taken_like_an_array(site: Site) -> None:
    answer = site.ask("POST", "/v1/events:batch", content=lines(EVENT, b"", b'{"type": NaN}', EVENT, b" "), headers=LINES)
    assert answer.json()["accepted"] == 2
    assert [entry["index"] for entry in answer.json()["rejected"]] == [1]
    for kind in ("application/ndjson", "application/jsonl", "application/x-ndjson; charset=utf-8"):
        assert site.ask("POST", "/v1/events:batch", content=lines(EVENT), headers={"content-type": kind}).status_code == 202


def test_an_empty_batch_is_no_fault(site: Site) -> None:
    for answer in (
        site.post("/v1/events:batch", []),
        site.ask("POST", "/v1/events:batch", content=b"\n", headers=LINES),
    ):
        assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


def test_a_batch_has_an_end(site: Site) -> None:
    assert site.post("/v1/events:batch", [EVENT] * 1000).json()["accepted"] == 1000
    for answer in (
        site.post("/v1/events:batch", [EVENT] * 1001),
        site.post("/v1/events:batch", [{}] * 1001),
        site.ask("POST", "/v1/events:batch", content=lines(*[EVENT] * 1001), headers=LINES),
    ):
        assert "1000" in problem(answer, 413)["detail"]
    assert len(log(site)) == 1000


@pytest.mark.parametrize("body", [b"", b"[", b'[{"type": "view"', b"[1,]", b"{}", b"null", b'"x"', b"[1] [2]"])
def test_a_body_that_is_no_array_is_refused_whole(site: Site, body: bytes) -> None:
    answer = site.ask("POST", "/v1/events:batch", content=body, headers={"content-type": "application/json"})
    problem(answer, 422)


def test_a_key_twice_refuses_the_batch(site: Site) -> None:
    row = b'{"type": "view", "type": "purchase", "user_id": "u", "item_id": "i"}'
    answer = site.ask("POST", "/v1/events:batch", content=b"[" + row + b"]", headers={"content-type": "application/json"})
    assert problem(answer, 422, "invalid_json")["errors"][0]["pointer"] == "/0/type"
    assert log(site) == []


def test_media_types(site: Site) -> None:
    for path, kinds in {
        "/v1/events": ["", "text/plain", "application/x-ndjson"],
        "/v1/events:batch": ["", "text/csv"],
    }.items():
        for kind in kinds:
            found = problem(site.ask("POST", path, content=b"[]", headers={"content-type": kind}), 415)
            assert "Content-Type" in found["detail"]


def test_a_body_above_the_limit_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, server=Server(max_body=1000))
    big = {**EVENT, "properties": {"text": "x" * 1000}}
    announced = site.post("/v1/events", big)
    assert "max_body" in problem(announced, 413)["detail"]
    assert announced.headers["connection"] == "close"

    async def in_parts() -> Any:
        for _ in range(30):
            yield b" " * 100

    streamed = site.ask("POST", "/v1/events", content=in_parts(), headers={"content-type": "application/json"})
    problem(streamed, 413)
    assert site.post("/v1/events", EVENT).status_code == 202
    site.close()


def test_the_next_list_knows_what_was_acknowledged(site: Site) -> None:
    site.fill()
    for step in range(5):
        before = site.post("/v1/recommendations", {"user_id": "reader", "n": 5}).json()
        bought = before["items"][0]["item_id"]
        sequence = site.post("/v1/events", {"type": "purchase", "user_id": "reader", "item_id": bought}).json()["sequence"]
        after = site.post("/v1/recommendations", {"user_id": "reader", "n": 5}).json()
        assert after["as_of"] >= sequence, step
        assert bought not in [entry["item_id"] for entry in after["items"]]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events:batch", "/track/purchase"])
def test_a_key_makes_a_retry_harmless(site: Site, path: str) -> None:
    body: Any = {"/v1/events": EVENT, "/v1/events:batch": [EVENT, EVENT]}.get(path, {"user_id": "u1", "item_id": "i1"})
    headers = {"idempotency-key": "k-1"}
    first, again = site.post(path, body, headers=headers), site.post(path, body, headers=headers)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(log(site)) == first.json()["accepted"]
    other: Any = (
        [EVENT]
        if path.endswith("batch")
        else {"user_id": "u2", "item_id": "i1", **({"type": "view"} if "v1" in path else {})}
    )
    problem(site.post(path, other, headers=headers), 422, "idempotency_key_reused")
    assert site.post(path, body, headers={"idempotency-key": "k-2"}).json()["accepted"] == first.json()["accepted"]


def test_a_crash_between_commit_and_answer_counts_nothing_twice(site: Site) -> None:
    """The first answer is never stored; the retry is told apart by the ids that follow from the key."""
    stored = site.runtime.store.idempotency

    class Lost:
        async def get(self, key: str, *, now: int) -> None:
            return None

        async def put(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def sweep(self, *, now: int) -> int:
            return 0

    site.app._idempotency._keys = Lost()
    rows = [{"type": "view", "user_id": "u", "item_id": "i"}, {"type": "view", "user_id": "u", "item_id": "i"}]
    first = site.post("/v1/events:batch", rows, headers={"idempotency-key": "k"})
    site.app._idempotency._keys = stored
    again = site.post("/v1/events:batch", rows, headers={"idempotency-key": "k"})
    assert (first.json()["accepted"], again.json()["accepted"], again.json()["duplicates"]) == (2, 0, 2)
    assert len(log(site)) == 2


def test_a_refused_event_does_not_use_up_its_key(site: Site) -> None:
    headers = {"idempotency-key": "k"}
    problem(site.post("/v1/events", {**EVENT, "type": "zz"}, headers=headers), 422)
    assert site.post("/v1/events", EVENT, headers=headers).json()["accepted"] == 1
    assert pointers(site.post("/v1/events", EVENT, headers={"idempotency-key": "a b"})) == []
