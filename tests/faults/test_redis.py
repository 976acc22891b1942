"""Redis killed, frozen, slow, flushed, full, full of rubbish, or reached one way only: no list fails, none is too old."""

import signal

from honeyguide.testing.faults import Fault
from tests.e2e.server import eventually
from tests.faults.site import Node, Site, together
from tests.shop import BALL, TEA


def told(site: Site, prefix: str, teller: Node, other: Node, times: int = 3) -> None:
    """What one node takes, the other knows, whatever Redis does."""
    for turn in range(times):
        user, item = f"{prefix}{turn}", (TEA if turn % 2 else BALL)[turn]
        assert other.ask(user)["items"]
        sequence = teller.send("purchase", user, item)
        assert teller.ask(user)["as_of"] >= sequence
        other.comes_to_know(user, sequence)
        assert item not in other.ids(user)


def test_killed_and_started_again(site: Site) -> None:
    site.redis.kill()
    told(site, "killed", site.a, site.b)
    assert all(answer["items"] for answer in together(10, lambda at: site.b.ask(f"killed-many{at}")))
    site.redis.start()
    told(site, "again", site.b, site.a)


def test_frozen(site: Site) -> None:
    before = site.a.files()
    site.redis.freeze()
    answers = together(20, lambda at: (site.a, site.b)[at % 2].ask(f"frozen{at}"))
    assert all(answer["items"] for answer in answers)
    told(site, "ice", site.a, site.b)
    site.redis.thaw()
    told(site, "thawed", site.b, site.a)
    eventually(lambda: site.a.files() <= before + 20, "no connection left behind")


def test_flushed(site: Site) -> None:
    """Nothing wrong is served, and what was computed by both is computed once more at the most by each."""
    users = [f"u{number}" for number in range(20)]
    for user in users:
        site.a.ask(user)
        site.b.ask(user)
    site.redis.said("FLUSHALL")
    told(site, "flushed", site.a, site.b)
    computed = 'served_from="computed"'
    before = sum(node.metric("honeyguide_recommend_requests_total", computed) for node in (site.a, site.b))
    for _ in range(3):
        for user in users:
            site.a.ask(user)
            site.b.ask(user)
    after = sum(node.metric("honeyguide_recommend_requests_total", computed) for node in (site.a, site.b))
    assert after - before <= 1.2 * 2 * len(users)


def test_full(site: Site) -> None:
    site.redis.said("CONFIG", "SET", "maxmemory", "1mb")
    try:
        assert all(answer["items"] for answer in together(10, lambda at: (site.a, site.b)[at % 2].ask(f"full{at}")))
        told(site, "oom", site.a, site.b)
    finally:
        site.redis.said("CONFIG", "SET", "maxmemory", "0")


def test_rubbish(site: Site) -> None:
    """Every key holds bytes that are not ours, then a list."""
    users = [f"u{number}" for number in range(10)]
    for user in users:
        site.a.ask(user)
    for key in site.redis.all_keys():
        site.redis.said("SET", key, b"\x00\xffrubbish")
    assert all(site.b.ask(user)["items"] for user in users)
    told(site, "bytes", site.a, site.b)
    for key in site.redis.all_keys():
        site.redis.said("DEL", key)
        site.redis.said("RPUSH", key, "rubbish")
    assert all(site.b.ask(user)["items"] for user in users)
    told(site, "types", site.b, site.a)
    site.redis.said("FLUSHALL")


def test_the_stream_is_gone(site: Site) -> None:
    for key in site.redis.all_keys():
        if key.endswith(":changes"):
            site.redis.said("DEL", key)
    told(site, "gap", site.a, site.b)


def test_reached_one_way_only(site: Site) -> None:
    site.b.redis.set(Fault("timeout", direction="downstream"))
    told(site, "deaf", site.a, site.b)
    site.b.redis.set(Fault("timeout", direction="upstream"))
    told(site, "mute", site.b, site.a)


def test_a_node_that_was_frozen_knows_what_it_missed(site: Site) -> None:
    """Whatever it had in memory, it may not serve it: what it was sure of is too old."""
    site.b.ask("sleeper")
    site.b.server.process.send_signal(signal.SIGSTOP)
    sequence = site.a.send("purchase", "sleeper", "tea")
    site.b.server.process.send_signal(signal.SIGCONT)
    eventually(lambda: site.b.ask("sleeper")["as_of"] >= sequence, "it knowing")
    assert "tea" not in site.b.ids("sleeper")
