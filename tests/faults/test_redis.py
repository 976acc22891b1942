"""Redis killed, frozen, slow, flushed, full, full of rubbish, or reached one way only: no list fails, none is too old."""

import os
import signal
from functools import partial

from honeyguide.testing.faults import Fault
from tests.e2e.server import eventually, serving
from tests.faults.site import Node, Site, together
from tests.faults.test_nodes import knows
from tests.shop import BALL, TEA

BREAKERS = "honeyguide_circuit_breaker_open"
UNANSWERED = "honeyguide_cache_shared_failures_total"
LOOKS = "honeyguide_cache_requests_total"
PULLS = "honeyguide_cache_pulls_total"


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
    """Nothing wrong is served, and what was computed by both is computed once more at the most by each.

    It is counted from when both have noticed. On a machine that is busy the server does not answer in time, or a node does
    not hear in time what was invalidated: then it may not serve what it holds, and each such look may cost one more. And
    a list that lacks a source which was late is not kept. A flush while a node leaves Redis alone says nothing."""
    users = [f"u{number}" for number in range(20)]
    for user in users:
        for node in (site.a, site.b):
            node.ask(user)
    flush(site)
    told(site, "flushed", site.a, site.b)
    eventually(partial(few_are_made_after_a_flush, site, users), "a flush while both nodes ask Redis")


def flush(site: Site) -> None:
    """Empty Redis, and wait until both nodes have noticed."""
    nodes = (site.a, site.b)
    noticed = [node.metric(PULLS, 'result="gap"') for node in nodes]
    site.redis.said("FLUSHALL")
    for node, before in zip(nodes, noticed, strict=True):
        eventually(partial(has_noticed, node, before), f"node {node.name} noticing that what it held is gone")


def few_are_made_after_a_flush(site: Site, users: list[str]) -> bool:
    """Assert it; False if a node left Redis alone meanwhile, since nothing is kept then."""
    nodes = (site.a, site.b)

    def counted(name: str, *labels: str) -> float:
        return sum(node.metric(name, *labels) for node in nodes)

    def excused() -> float:
        return counted(UNANSWERED) + counted(LOOKS, 'tier="l1"', 'result="unverified"')

    flush(site)
    unheard, left_alone, made = excused(), counted(BREAKERS), 0
    for _ in range(3):
        answers = [node.ask(user) for user in users for node in nodes]
        made += sum(answer["served_from"] == "computed" and not answer["degraded"] for answer in answers)
        left_alone += counted(BREAKERS)
    if left_alone:
        return False
    assert made <= 1.2 * 2 * len(users) + excused() - unheard
    return True


def has_noticed(node: Node, before: float) -> bool:
    return node.metric(PULLS, 'result="gap"') > before


def test_slow(site: Site) -> None:
    """Too slow to be waited for: it is left alone, and named as missing, until it is quick again."""
    nodes = (site.a, site.b)
    for node in nodes:
        node.redis.set(Fault("latency", seconds=0.08, direction="downstream"))
    for node in nodes:
        eventually(partial(left_alone, node), f"Redis left alone by {node.name}")
        node.comes_to_miss("redis")
        assert node.metric("honeyguide_dependency_up", 'dependency="redis"') == 0
        assert node.metric("honeyguide_dependency_up", 'dependency="database"') == 1
    assert all(answer["items"] for answer in together(20, lambda at: nodes[at % 2].ask(f"slow{at}")))
    told(site, "slow", site.a, site.b)
    for node in nodes:
        node.redis.clear()
    for node in nodes:
        eventually(partial(used_again, node), f"Redis used again by {node.name}")
        node.comes_to_be_sound()
        assert node.metric("honeyguide_dependency_up", 'dependency="redis"') == 1
    told(site, "quick", site.b, site.a)


def test_just_in_time(site: Site) -> None:
    """It answers, but so late that it makes lists slower than they would be without it: that opens the breaker too."""
    site.a.redis.set(Fault("latency", seconds=0.04, direction="downstream"))
    eventually(partial(left_alone, site.a, 'kind="values"'), "Redis left alone")
    told(site, "late", site.a, site.b)
    site.a.redis.clear()
    eventually(partial(used_again, site.a), "Redis used again")


def left_alone(node: Node, *kind: str) -> bool:
    """Calls of a kind are made no more; where tokens cannot be had, values are not asked for."""
    together(10, lambda _: node.ask(f"somebody-{os.urandom(4).hex()}"))
    return node.metric(BREAKERS, *kind) >= 1


def used_again(node: Node) -> bool:
    node.ask(f"somebody-{os.urandom(4).hex()}")
    return node.metric(BREAKERS) == 0


def test_replaced_by_an_older_copy(site: Site) -> None:
    """A failover that lost the latest writes: what both nodes know already they never forget, though the server says
    otherwise, and holds lists from before."""
    users = [f"u{number}" for number in range(20)]
    dump = site.redis.folder / "dump.rdb"
    for user in users:
        for node in (site.a, site.b):
            node.ask(user)
    site.redis.said("SAVE")
    older = dump.read_bytes()
    sequences = {user: site.a.send("purchase", user, "whistle") for user in users}
    for user, sequence in sequences.items():
        site.b.comes_to_know(user, sequence)
    noticed = [node.metric(PULLS, 'result="gap"') for node in (site.a, site.b)]
    site.redis.kill()
    dump.write_bytes(older)
    try:
        site.redis.start()
        for node, before in zip((site.a, site.b), noticed, strict=True):
            everybody_knows(node, sequences)
            eventually(partial(has_noticed, node, before), f"node {node.name} noticing another server")
            everybody_knows(node, sequences)
        with serving(site.a.data_dir, **site.b.environ) as fresh:  # remembers nothing
            for user, sequence in sequences.items():
                eventually(partial(knows, fresh, user, sequence), f"a new node knowing of {sequence}")
    finally:
        dump.unlink()
    told(site, "older", site.b, site.a)


def everybody_knows(node: Node, sequences: dict[str, int]) -> None:
    for user, sequence in sequences.items():
        answer = node.ask(user)
        assert answer["as_of"] >= sequence or answer["degraded"]
        assert "whistle" not in [item["item_id"] for item in answer["items"]]


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
