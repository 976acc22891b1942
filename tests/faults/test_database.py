"""PostgreSQL killed, silent, locked, cut off: lists go on, events are acknowledged or refused, nothing between."""

import threading
from typing import Any

import psycopg

from tests import postgres
from tests.e2e.server import eventually
from tests.faults.site import AWAY, DOWN, Node, Site, together


def warm(node: Node, user: str) -> None:
    """A list of the user in the node's memory."""
    eventually(lambda: node.ask(user)["cached"], f"a kept list of {user}")


def refused(node: Node, event_id: str) -> None:
    """An event is refused as long as it cannot be kept, and the caller is told when to come again."""
    answer = node.post("/v1/events:batch", [event(event_id), event(f"{event_id}-2")])
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


def event(event_id: str, user: str = "away") -> dict[str, Any]:
    return {"event_id": event_id, "user_id": user, "item_id": "tea", "type": "purchase"}


def stored(site: Site, prefix: str) -> list[str]:
    """Event ids in the log that begin so."""
    found = postgres.server().admin(
        f"SELECT event_id FROM honeyguide.log WHERE event_id LIKE '{prefix}%' ORDER BY 1", site.database
    )
    return [row[0] for row in found]


def test_while_the_database_is_dead_lists_are_served_and_events_refused_whole(site: Site) -> None:
    for node in (site.a, site.b):
        warm(node, "u3")
    postgres.server().kill()
    for node in (site.a, site.b):
        kept = node.ask("u3")
        assert kept["cached"]
        assert kept["items"]
        made = node.ask("u5")
        assert made["items"]
        assert made["degraded"] == ["state"]
        assert made["served_from"] == "fallback"
        assert node.server.http.post("/recommendations", params={"user_id": "u7"}).json()["items"]
        assert node.server.http.get("/healthz").status_code == 200
        assert node.metric("honeyguide_recommend_fallbacks_total", 'reason="state"') >= 1
        refused(node, f"dead-{node.name}")
        node.comes_to_miss("database")
    postgres.server().start()
    for node in (site.a, site.b):
        node.comes_to_take(event(f"back-{node.name}"))
    assert stored(site, "dead-") == []
    assert stored(site, "back-") == ["back-a", "back-b"]


def test_with_nothing_behind_them_at_all_nodes_serve_lists(site: Site) -> None:
    for node in (site.a, site.b):
        warm(node, "u9")
        node.database.set(DOWN)
        node.redis.set(DOWN)
    for node in (site.a, site.b):
        assert node.ask("u9")["items"]
        assert node.ask("u11")["degraded"] == ["state"]
        for answer in (node.ask("u11"), node.ask("new-here"), node.ask("", personalised=False)):
            assert answer["items"]


def test_a_silent_database_holds_no_list_up(site: Site) -> None:
    """The lists come while it is silent: nobody waits for an end of the silence."""
    warm(site.a, "u13")
    together(20, lambda at: site.a.ask(f"busy{at}"))  # as many connections as it is asked over
    before = site.a.files()
    site.a.database.set(AWAY)
    answers = together(20, lambda at: site.a.ask("u13" if at % 2 else f"u{at}"))
    assert all(answer["items"] for answer in answers)
    assert any("state" in answer["degraded"] for answer in answers)
    refused(site.a, "silent")
    assert site.b.send("view", "u15", "tea")  # the other node has its own way to it
    site.a.database.clear()
    eventually(lambda: not site.a.ask("u17")["degraded"], "it answering again")
    eventually(lambda: site.a.files() <= before + 4, "no connection left behind")


def test_a_locked_table_holds_no_kept_list_up(site: Site) -> None:
    warm(site.a, "u19")
    with psycopg.connect(site.url) as other:
        other.execute("LOCK TABLE honeyguide.log IN ACCESS EXCLUSIVE MODE")
        kept = site.a.ask("u19")
        assert kept["cached"]
        made = together(12, lambda at: site.a.ask(f"u{20 + at}"))
        assert all(answer["items"] for answer in made)
        assert "state" in made[0]["degraded"]
        refused(site.a, "locked")
    eventually(lambda: not site.a.ask("u33")["degraded"], "the lock gone")
    assert stored(site, "locked") == []


def test_cut_connections_lose_no_acknowledged_event_and_halve_no_batch(site: Site) -> None:
    acknowledged: set[str] = set()
    done = threading.Event()

    def cut() -> None:
        while not done.is_set():
            postgres.server().kill_clients(site.database)
            done.wait(0.1)

    def tell(at: int) -> None:
        node = (site.a, site.b)[at % 2]
        for turn in range(15):
            batch = [event(f"cut-{at}-{turn}-{row}", f"cut{at}") for row in range(3)]
            if node.post("/v1/events:batch", batch).status_code == 202:
                acknowledged.update(each["event_id"] for each in batch)

    cutting = threading.Thread(target=cut)
    cutting.start()
    together(4, tell)
    done.set()
    cutting.join()
    found = stored(site, "cut-")
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)
    batches = {event_id.rpartition("-")[0] for event_id in found}
    assert len(found) == 3 * len(batches)
