"""The promises over two nodes on one database: what one node takes, the other knows."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.e2e.server import eventually
from tests.faults.site import Site, together
from tests.shop import BALL, TEA

LATE = {"stale", "state", "source"}
"""What may be missing in a list of a busy machine, by what `degraded` says."""


def test_an_event_on_one_node_is_in_the_lists_of_the_other(site: Site) -> None:
    for turn in range(10):
        user, item = f"w{turn}", (TEA if turn % 2 else BALL)[turn % 8]
        site.b.ask(user)  # kept there, so that it has something old to serve
        sequence = site.a.send("purchase", user, item)
        own = site.a.ask(user)
        assert own["as_of"] >= sequence
        assert item not in [each["item_id"] for each in own["items"]]
        site.b.comes_to_know(user, sequence)
        assert item not in site.b.ids(user)


def test_what_one_node_made_the_other_serves(site: Site) -> None:
    """Not made again: from Redis."""

    def shared() -> bool:
        user = f"shared-{os.urandom(4).hex()}"
        site.b.comes_to_know(user, site.a.send("purchase", user, "tea"))
        sequence = site.a.send("purchase", user, "pot")
        made = site.a.ask(user)
        assert made["as_of"] >= sequence
        taken = site.b.server.http.post("/v1/recommendations", json={"user_id": user, "n": 10})
        if taken.json()["served_from"] != "l2":
            return False  # it had not heard of the event yet, or Redis did not answer in time
        assert taken.headers["x-honeyguide-cache"].startswith("l2")
        assert taken.json()["as_of"] == made["as_of"]
        assert taken.json()["items"] == made["items"]
        return True

    eventually(shared, "a list served by a node that has not made it")
    assert site.b.metric("honeyguide_recommend_requests_total", 'served_from="l2"') >= 1


def test_what_one_node_hides_no_node_shows(site: Site) -> None:
    user = "u2"
    assert "honey" in [*site.a.ids(user, 16), *site.b.ids(user, 16)]
    answer = site.a.server.http.patch("/v1/items/honey", json={"hidden": True})
    assert answer.status_code == 200, answer.text
    try:
        assert "honey" not in site.a.ids(user, 16)
        eventually(lambda: "honey" not in site.b.ids(user, 16), "the other node hiding it")
    finally:
        site.a.server.http.patch("/v1/items/honey", json={"hidden": False}).raise_for_status()

    def shown() -> bool:
        site.b.send("wishlist_add", "shown-again", "tea")  # else a list that was made before this node heard of it is kept
        return "honey" in site.b.ids("shown-again", 16)

    eventually(shown, "it shown again")


def test_a_rule_of_one_node_is_in_force_on_the_other(site: Site) -> None:
    """Also for the list that the other has in memory, and no more once it is removed."""
    users = ["u6", "u7"]
    before = {user: site.b.ids(user, 4) for user in users}
    assert any(set(ids) & set(BALL) for ids in before.values())
    rule = {"kind": "filter", "where": "item.category == 'kitchen'"}
    site.a.server.http.put("/v1/rules/kitchen-only", json=rule).raise_for_status()
    try:
        assert set(site.a.ids("u7", 4)) <= set(TEA), "at once where it was saved"
        eventually(lambda: all(set(site.b.ids(user, 4)) <= set(TEA) for user in users), "the rule on the other node")
    finally:
        site.a.server.http.delete("/v1/rules/kitchen-only").raise_for_status()
    eventually(lambda: {user: site.b.ids(user, 4) for user in users} == before, "the lists of before")


def test_a_switch_of_models_reaches_both_and_no_request_fails(site: Site) -> None:
    """A promotion and its rollback under traffic: each answer is whole, the list of the one version or of the other."""
    present = site.a.ask("u1")["model"]
    other = "popular@1" if present != "popular@1" else "ease@1"
    answers, done = list[tuple[str, httpx.Response]](), threading.Event()

    def ask(at: int) -> None:
        turn = at
        while not done.is_set():
            turn += 1
            user, node = f"u{10 + turn % 5}", (site.a, site.b)[turn // 5 % 2]
            answers.append((user, node.post("/v1/recommendations", {"user_id": user, "n": 6, "explore": False})))

    with ThreadPoolExecutor(3) as threads:
        traffic = [threads.submit(ask, at) for at in range(3)]
        try:
            promote(site, other)
            for node in (site.a, site.b):
                node.comes_to_serve(other)
            eventually(lambda: any(whole(answer, other) for _, answer in answers[-20:]), f"a whole list of {other}")
            site.b.server.http.post("/v1/aliases/champion:rollback").raise_for_status()
            for node in (site.a, site.b):
                node.comes_to_serve(present)
        finally:
            done.set()
            for each in traffic:
                each.result()
            promote(site, present)
    assert {answer.status_code for _, answer in answers} == {200}
    lists: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for user, answer in answers:
        body = answer.json()
        assert {reason.partition(":")[0] for reason in body["degraded"]} <= LATE
        if not body["degraded"]:
            lists.setdefault((user, body["model"]), set()).add(tuple(item["item_id"] for item in body["items"]))
    assert {model for _, model in lists} == {present, other}
    assert all(len(found) == 1 for found in lists.values()), "a version has one list for a user, whoever makes it"
    assert any(lists[user, present] != lists.get((user, other)) for user, model in lists if model == present)


def whole(answer: httpx.Response, model: str) -> bool:
    body = answer.json()
    return body.get("model") == model and not body["degraded"]


def promote(site: Site, label: str) -> None:
    model, _, version = label.partition("@")
    site.a.server.http.put("/v1/aliases/champion", json={"model": model, "version": int(version)}).raise_for_status()


def test_an_event_that_both_nodes_get_counts_once(site: Site) -> None:
    event = {"event_id": "told-to-both", "user_id": "twice", "item_id": "tea", "type": "purchase"}
    answers = together(8, lambda at: (site.a, site.b)[at % 2].post("/v1/events:batch", [event]).json())
    assert sum(answer["accepted"] for answer in answers) == 1
    assert sum(answer["duplicates"] for answer in answers) == 7
    assert len({answer["sequence"] for answer in answers}) == 1, "all are told where it is"
