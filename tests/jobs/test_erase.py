"""Erasures: a canary user goes through every tier, is erased, and is looked for in every tier and every file."""

import asyncio
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, InvalidInput, NotFound
from honeyguide.jobs.erase import shown
from honeyguide.jobs.quarantined import take_out
from honeyguide.messages import EventIn, UserIn
from honeyguide.stores.spool import Spool
from honeyguide.testing.stores.rows import slate
from honeyguide.types import Job
from tests.api.site import Site, problem
from tests.shop import BALL, NOW, TEA, open_shop
from tests.stores.test_erased import found_in

CANARY = "canary-51c0de"
PHONE = f"{CANARY}-phone"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock) as hg:
        yield hg


def live(shop: Honeyguide, user: str, item: str | None, kind: str = "purchase", **fields: Any) -> EventIn:
    event = EventIn(**{"type": kind, "user_id": user, "item_id": item, "properties": {"note": f"of {user}"}, **fields})
    assert shop.run(shop.runtime.ingest.events([event])).accepted == 1
    return event


def appear(shop: Honeyguide, folder: Path) -> None:
    """The canary in every place that there is."""
    for item in BALL[:5]:
        live(shop, CANARY, item, session_id=f"{CANARY}-s", device_id=f"{CANARY}-d")
    live(shop, PHONE, "ball", "view")
    live(shop, CANARY, "only the canary has seen this", "view")
    shop.run(shop.runtime.ingest.put_users([UserIn(user_id=CANARY, properties={"name": f"Mr. {CANARY}"})]))
    shop.merge_users(PHONE, CANARY)
    for name in (CANARY, PHONE):
        shop.recommend(name)
        assert shop.recommend(name).served_from == "l1"
    answers = shop.runtime.store.idempotency
    shop.run(answers.put("k", "h", 422, f"user_id '{CANARY}' is odd".encode(), expires_at=2**60))
    entry = {"source": "a.csv", "row": 1, "code": "c", "field": "f", "reason": "r"}
    lines = [entry | {"raw": {"uid": name}} for name in (CANARY, "bob", PHONE)]
    (folder / "quarantine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Spool(folder / "slates.spool").add([slate("waiting", user=CANARY)])
    (folder / "slates.sqlite.damaged-5").write_text(CANARY)
    shop.run(shop.runtime.slates.round())


def test_a_canary_leaves_no_trace(shop: Honeyguide, tmp_path: Path, clock: ManualClock) -> None:
    other = shop.recommend("u1", n=8)
    appear(shop, tmp_path)
    second = shop.recommend("u2", n=8)
    shop.run(shop.runtime.slates.round())
    assert len(found_in(tmp_path, CANARY)) >= 4
    clock.advance(1)
    receipt = shop.erase_user(PHONE)

    assert found_in(tmp_path, CANARY) == {}
    assert receipt["erased_at"] == "2026-05-28T20:26:41Z"
    assert receipt["models_by"] == "2026-06-27T20:26:41Z"
    assert {version.partition("@")[0] for version in receipt["models"]} == {"popular", "ease"}
    assert len(receipt["users"]) == 2
    assert receipt["removed"] == {
        "log": 9, "users": 2, "idempotency_keys": 1, "slates": 5, "quarantine": 2
    }  # fmt: skip
    assert [record["table"] for record in shop.export_user(CANARY)] == ["export", "jobs", "end"], "the receipt is held"
    for name in (CANARY, PHONE):
        assert shop.recommend(name).rung == "popular"
    for request in (other, second):  # others' lists are explained as before
        assert shop.explain(request.request_id).matches
    table = shop.runtime.store.catalogue
    items = [item for batch in table.scan_items() for item in batch]
    assert "only the canary has seen this" in {item.item_id for item in items}
    table.rebuild()
    assert [item for batch in table.scan_items() for item in batch] == items


def test_the_id_may_sign_up_again(shop: Honeyguide, tmp_path: Path, clock: ManualClock) -> None:
    old = [live(shop, CANARY, item, ts=NOW) for item in TEA[:3]]
    ball = live(shop, CANARY, "ball", ts=NOW + 2_000)  # its sender's clock is ahead
    clock.advance(1)
    shop.erase_user(CANARY)
    live(shop, CANARY, "bat")
    assert shop.recommend(CANARY, n=3).items[0].item_id in BALL
    again = shop.run(shop.runtime.ingest.events([*old, EventIn(type="view", user_id="bob", item_id="tea"), ball]))
    assert (again.accepted, [(entry.index, entry.code) for entry in again.rejected]) == (
        1 + 1,
        [(0, "erased"), (1, "erased"), (2, "erased")],
    )
    assert CANARY not in repr(again.rejected)
    state = shop.run(shop.runtime.store.log.user_state(CANARY, limit=9))
    assert [event.item_id for event in state.events] == ["bat", "ball"]
    metrics = shop.runtime.metrics.registry
    assert metrics.get_sample_value("honeyguide_events_rejected_total", {"reason": "erased"}) == 3
    assert metrics.get_sample_value("honeyguide_job_runs_total", {"job": "erase", "status": "succeeded"}) == 1


def test_rejected_rows_are_named_by_their_place(shop: Honeyguide, clock: ManualClock) -> None:
    """Beside rows that are refused for other reasons, and in parts of a thousand."""
    clock.advance(5)
    shop.erase_user(CANARY)
    old, good = EventIn(type="view", user_id=CANARY, item_id="i", ts=NOW), EventIn(type="view", user_id="u", item_id="i")
    bad = EventIn(type="nonsense", user_id="u", item_id="i")
    report = shop.run(shop.runtime.ingest.events([bad, old, *[good] * 1_500, old, bad, good, old]))
    assert report.accepted == 1_501
    expected = [(0, "undeclared_type"), (1, "erased"), (1_502, "erased"), (1_503, "undeclared_type"), (1_505, "erased")]
    assert [(entry.index, entry.code) for entry in report.rejected] == expected


def test_whoever_is_unknown_and_whoever_is_erased_twice(shop: Honeyguide, clock: ManualClock) -> None:
    """A receipt all the same, and a tombstone: what they did may be on its way."""
    receipt = shop.erase_user("never seen")
    assert (receipt["removed"], len(receipt["users"])) == ({}, 1)
    live(shop, CANARY, "tea")
    first = shop.erase_user(CANARY)
    clock.advance(60)
    second = shop.erase_user(CANARY)
    assert (first["removed"]["log"], second["removed"], first["users"]) == (1, {}, second["users"])
    assert second["erased_at"] > first["erased_at"]
    late = EventIn(type="view", user_id=CANARY, item_id="tea", ts=NOW + 59_000)
    assert shop.run(shop.runtime.ingest.events([late])).rejected[0].code == "erased"
    for bad in ("", "a\0b", "x" * 257):
        with pytest.raises(InvalidInput):
            shop.erase_user(bad)


def test_features_forget_them_and_what_they_did(shop: Honeyguide, clock: ManualClock) -> None:
    """States of users, and what is counted of items, are what the log without them would make."""
    runtime = shop.runtime
    live(shop, "bob", "net")
    shop.run(runtime.folding.round())
    before = shop.run(runtime.features.read(["bob"], ["net", "bat"]))
    for _ in range(3):
        live(shop, CANARY, "net")
    live(shop, CANARY, None, "impression", request_id="r", properties={"items": ["net", "bat"]})
    shop.run(runtime.folding.round())
    with_them = shop.run(runtime.features.read([CANARY], ["net", "bat"]))
    assert with_them.users[CANARY]["total_purchases"].value == 3
    assert with_them.items["bat"]["click_rate_1d"].value < before.items["bat"]["click_rate_1d"].value
    clock.advance(1)
    shop.erase_user(CANARY)
    live(shop, CANARY, "bat")
    after = shop.run(runtime.features.read([CANARY, "bob"], ["net", "bat"]))
    assert after.users[CANARY]["total_purchases"].value == 1
    for item, view in (("net", "purchases_30d"), ("net", "click_rate_1d"), ("bat", "click_rate_1d")):
        assert after.items[item][view].value == before.items[item][view].value
    shop.run(runtime.folding.round())

    def states() -> dict[str, dict[str, bytes]]:
        table = runtime.store.features
        return {group: dict(pair for batch in table.scan(group) for pair in batch) for group in table.groups()}

    kept = states()
    runtime.folding.refold()
    assert states() == kept


def test_other_processes_hear_of_it(shop: Honeyguide, clock: ManualClock) -> None:
    """Their cached lists are served no longer, without a word of whom it is about."""
    for item in TEA[:3]:
        live(shop, CANARY, item)
    shop.recommend(CANARY)
    assert shop.recommend(CANARY).served_from == "l1"
    with Honeyguide.open(shop.settings, clock=clock) as elsewhere:
        elsewhere.erase_user(CANARY)
    shop.run(shop.runtime.follow.round())
    slate = shop.recommend(CANARY)
    assert (slate.served_from, slate.rung) == ("computed", "popular")
    told = [row for batch in shop.runtime.store.log.scan() for row in batch if row.kind == "user_delete"]
    assert len(told) == 2
    assert all(row.user_id is None and CANARY not in str(row.payload) for row in told)


def test_popularity_is_counted_anew(tmp_path: Path, clock: ManualClock) -> None:
    """What is served while nothing is trained forgets them too, though the log has hardly grown."""
    with open_shop(tmp_path, clock=clock, train=False) as shop:
        for number in range(200):
            live(shop, CANARY, "net", event_id=f"{CANARY}{number}")
        shop.run(shop.runtime.baseline.round())
        assert shop.recommend("stranger").items[0].item_id == "net"
        shop.erase_user(CANARY)
        shop.run(shop.runtime.baseline.round())
        shop.recommend("stranger")  # once more the list of the versions before
        shop.run(shop.runtime.cache.drain())
        assert shop.recommend("stranger").items[0].item_id != "net"


def test_a_job_that_is_broken_off_is_finished_by_the_next(tmp_path: Path, clock: ManualClock) -> None:
    with open_shop(tmp_path, clock=clock) as shop:
        for number in range(250):
            live(shop, CANARY, "tea", "view", event_id=f"{CANARY}{number}")
        runtime = shop.runtime
        job = shop.run(runtime.erase_user(CANARY))
        assert shop.run(runtime.erase_user(CANARY)).job_id == job.job_id, "one that waits is not begun twice"

        async def half_way() -> None:
            begun = asyncio.Event()
            task = asyncio.create_task(runtime.erase.run(job, lambda _, stage: begun.set() if stage == "rows" else None))
            await begun.wait()
            task.cancel()
            await asyncio.wait([task])

        shop.run(half_way())
        erased_at = runtime.store.jobs.get(job.job_id).params["at"]
    clock.advance(100)
    with Honeyguide.open(shop.settings, clock=clock) as again:
        live(again, CANARY, "ball", "view")
        done = again.run(again.runtime.queue.finished(job.job_id))
        assert (done.state, done.result["resumed"], done.params["at"]) == ("succeeded", True, erased_at)
        state = again.run(again.runtime.store.log.user_state(CANARY, limit=9))
        assert [event.item_id for event in state.events] == ["ball"], "what came after the tombstone is of the new life"
        assert 150 <= done.result["removed"]["log"] <= 250
        assert again.run(again.runtime.queue.finished(job.job_id)) == done


def test_what_fails_is_tried_again(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop, CANARY, "tea")
    erase, tries = shop.runtime.erase, iter([True, True, False])

    def fails(ids: Collection[str]) -> Mapping[str, int]:
        if next(tries):
            raise OSError("the disk is away")
        return {"quarantine": 1}

    monkeypatch.setattr(erase, "_files", fails)
    monkeypatch.setattr("honeyguide.jobs.erase._AGAIN", 0.0)
    receipt = shop.erase_user(CANARY)
    assert receipt["removed"] == {"log": 1, "quarantine": 1}
    assert receipt["resumed"]
    errors = shop.runtime.metrics.registry.get_sample_value("honeyguide_background_errors_total", {"job": "erase"})
    assert errors == 2


def test_a_job_that_failed_names_nobody_once_another_has_erased_them(shop: Honeyguide) -> None:
    live(shop, CANARY, "tea")
    job = shop.run(shop.runtime.erase_user(CANARY))
    table = shop.runtime.store.jobs
    claimed = table.claim("a process that dies", ["erase"])
    assert claimed is not None
    claimed.state = "failed"
    table.update(claimed)
    shop.erase_user(CANARY)
    left = table.get(job.job_id)
    assert left.state == "failed"
    assert "user_ids" not in left.params


@pytest.mark.parametrize("first", ["merge", "erase"])
def test_a_merge_at_the_same_time(shop: Honeyguide, first: str) -> None:
    """Whatever comes first, the tables are what the log says, and nothing of the erased one's past is left."""
    for name in ("anon", CANARY, "login"):
        live(shop, name, "tea")
    runtime = shop.runtime
    ingest = runtime.ingest

    async def both() -> None:
        async def merges() -> None:
            for into in (CANARY, "login"):
                try:
                    await ingest.merge_users("anon", into)
                    await ingest.merge_users(into, "login" if into == CANARY else CANARY)
                except (Conflict, NotFound):
                    continue

        job = await runtime.erase_user(CANARY)
        tasks = [merges(), runtime.queue.finished(job.job_id)]
        await asyncio.gather(*(tasks if first == "merge" else reversed(tasks)))

    shop.run(both())
    store = shop.runtime.store
    users = shop.run(store.catalogue.users(limit=99))
    store.catalogue.rebuild()
    assert shop.run(store.catalogue.users(limit=99)) == users
    rows = [row for batch in store.log.scan() for row in batch if row.user_id == CANARY and row.kind == "event"]
    assert rows == []


def test_ids_of_a_running_job_are_not_shown() -> None:
    job = Job(job_id="j", kind="erase", state="running", created_at=1, params={"user_ids": [CANARY], "users": ["ab"]})
    assert shown(job.params) == {"users": ["ab"]}


def test_quarantined_rows_are_found_by_their_cells(tmp_path: Path) -> None:
    entry = {"source": "a.csv", "row": 1, "code": "c", "field": "f", "reason": "r"}
    raws: list[Any] = [
        {"uid": "17"}, {"uid": 17}, {"uid": 17.0}, {"uid": "170"}, {"x": {"y": ["17"]}}, "a;17;b", "a;170;b", None, {}
    ]  # fmt: skip
    lines = [json.dumps(entry | {"raw": raw}) for raw in raws]
    lines += [
        json.dumps(entry | {"raw": {}, "reason": "user_id '17' is odd"}),
        json.dumps(entry | {"raw": {}, "reason": "row 17"}),
    ]
    path = tmp_path / "deep" / "rows.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n")
    (tmp_path / "notes.jsonl").write_text('{"uid": "17"}\n')
    (tmp_path / "empty.jsonl").touch()
    assert take_out(tmp_path, ["17"]) == {"quarantine": 6}
    kept = [json.loads(line)["raw"] for line in path.read_text().splitlines()]
    assert kept == [{"uid": "170"}, "a;170;b", None, {}, {}]
    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "notes.jsonl").read_text() == '{"uid": "17"}\n', "a file that is no quarantine is not ours"
    assert take_out(tmp_path, ["17"]) == {}


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path).fill()
    yield site
    site.close()


def test_over_http(site: Site) -> None:
    site.post("/v1/events", {"type": "view", "user_id": CANARY, "item_id": "i1"})
    site.get(f"/recommendations?user_id={CANARY}")
    answer = site.ask("DELETE", f"/v1/users/{CANARY}")
    job = answer.json()
    assert (answer.status_code, job["kind"]) == (202, "erase")
    problem(site.ask("DELETE", answer.headers["location"]), 409, "job_final")
    assert answer.headers["location"] == f"/v1/jobs/{job['job_id']}"
    assert CANARY not in answer.text + site.get("/v1/jobs").text + site.get(answer.headers["location"]).text
    site.runner.run(site.runtime.queue.finished(job["job_id"]))
    done = site.get(answer.headers["location"]).json()
    assert (done["state"], done["result"]["removed"]) == ("succeeded", {"log": 1, "slates": 1})
    assert done["params"]["users"] == done["result"]["users"]
    held = [json.loads(line) for line in site.get(f"/v1/users/{CANARY}/export").text.splitlines()]
    assert [line["table"] for line in held] == ["export", "jobs", "end"]
    assert held[1]["result"] == done["result"]
    refused = site.post("/v1/events", {"type": "view", "user_id": CANARY, "item_id": "i1", "ts": 1_700_000_000_000})
    assert CANARY not in problem(refused, 422, "erased")["detail"]
    assert site.post("/v1/events", {"type": "view", "user_id": CANARY, "item_id": "i1"}).status_code == 202
    problem(site.ask("DELETE", f"/v1/users/{'x' * 257}"), 422)


def test_every_page_of_jobs_hides_ids(site: Site) -> None:
    names = [f"{CANARY}-{at}" for at in range(5)]
    for name in names:
        site.ask("DELETE", f"/v1/users/{name}")
    text = "".join(site.get(f"/v1/jobs?limit={limit}").text for limit in (1, 5))
    assert not any(name in text for name in itertools.chain(names, [CANARY]))
