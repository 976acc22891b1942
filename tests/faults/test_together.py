"""The promises over two nodes on one database: what one node takes, the other knows."""

import os

from tests.e2e.server import eventually
from tests.faults.site import Site, together
from tests.shop import BALL, TEA


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


def test_a_switch_of_models_reaches_both_and_no_request_fails(site: Site) -> None:
    present = site.a.ask("u1")["model"]
    other = "popular@1" if present != "popular@1" else "ease@1"
    try:
        promote(site, other)
        answers = together(8, lambda at: (site.a, site.b)[at % 2].ask(f"switch{at}"))
        assert {answer["model"] for answer in answers} <= {present, other}
        for node in (site.a, site.b):
            node.comes_to_serve(other)
    finally:
        promote(site, present)
    for node in (site.a, site.b):
        node.comes_to_serve(present)


def promote(site: Site, label: str) -> None:
    model, _, version = label.partition("@")
    site.a.server.http.put("/v1/aliases/champion", json={"model": model, "version": int(version)}).raise_for_status()


def test_an_event_that_both_nodes_get_counts_once(site: Site) -> None:
    event = {"event_id": "told-to-both", "user_id": "twice", "item_id": "tea", "type": "purchase"}
    answers = together(8, lambda at: (site.a, site.b)[at % 2].post("/v1/events:batch", [event]).json())
    assert sum(answer["accepted"] for answer in answers) == 1
    assert sum(answer["duplicates"] for answer in answers) == 7
    assert len({answer["sequence"] for answer in answers}) == 1, "all are told where it is"
