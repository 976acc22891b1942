"""How soon what was acknowledged is in the next list, over HTTP: events, rules, versions; on the node that took it, and on
another one.

    python -m benchmarks.freshness [--trials 1000] [--decisions 40]

A trial: a purchase is acknowledged with its `sequence`; then the user's list is asked for. It is fresh when its `as_of` is
at least that sequence and the item is not in it. The time is from the acknowledgement to the first fresh list. A rule is
in force when the first list obeys it; a promotion and its rollback are through when both nodes serve the other version, and
lists are asked for all the while.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from benchmarks.servers import behind, honeyguide_server
from benchmarks.shops import ITEMS, USERS, category_shop

PATIENCE_SECONDS = 10.0


def call(url: str, method: str = "POST", body: object = None) -> dict[str, Any]:
    """The JSON answer to a request."""
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found


def trial(writer: str, reader: str, user: str, item: str) -> float:
    """Milliseconds from the acknowledgement to the first fresh list; 0 if it is the very next one."""
    ask = f"{reader}/v1/recommendations?user_id={user}&n=10"
    call(ask)
    sequence = call(f"{writer}/track/purchase?user_id={user}&item_id={item}")["sequence"]
    acknowledged, asked = time.perf_counter(), 0
    while time.perf_counter() - acknowledged < PATIENCE_SECONDS:
        slate = call(ask)
        asked += 1
        if slate["as_of"] >= sequence and item not in [entry["item_id"] for entry in slate["items"]]:
            return 0.0 if asked == 1 else (time.perf_counter() - acknowledged) * 1000
    raise RuntimeError(f"{user} got no fresh list in {PATIENCE_SECONDS} s")


def wait(condition: Callable[[], bool], what: str) -> float:
    """Milliseconds until it holds, asked again and again."""
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > PATIENCE_SECONDS:
            raise RuntimeError(f"{what}: not within {PATIENCE_SECONDS} s")
    return (time.perf_counter() - started) * 1000


def of_rules(writer: str, reader: str, trials: int) -> dict[str, Any]:
    """From the answer to a rule that was saved until a list that was kept obeys it on another node."""
    waits = []
    for number in range(trials):
        ask = f"{reader}/v1/recommendations?user_id=user_{number + 1}&n=5&explore=false"
        first = call(ask)["items"][0]["item_id"]
        rule = {"kind": "filter", "where": f"item.id != '{first}'"}
        call(f"{writer}/v1/rules/measured", "PUT", rule)
        waits.append(wait(lambda: call(ask)["items"][0]["item_id"] != first, "the rule"))  # noqa: B023
        call(f"{writer}/v1/rules/measured", "DELETE")
        wait(lambda: call(ask)["items"][0]["item_id"] == first, "the rule's end")  # noqa: B023
    return spread(waits)


def of_versions(nodes: Sequence[str], trials: int) -> dict[str, Any]:
    """From the answer to a promotion, or a rollback, until each node's lists are made by the other version."""

    def serves(model: str) -> bool:
        return all(call(f"{node}/v1/recommendations?user_id=user_1&n=5")["model"] == model for node in nodes)

    present = call(f"{nodes[0]}/v1/recommendations?user_id=user_1&n=5")["model"]
    other, waits = "popular@1", list[float]()
    for _ in range(trials // 2):
        call(f"{nodes[0]}/v1/aliases/champion", "PUT", {"model": "popular", "version": 1})
        waits.append(wait(lambda: serves(other), "the promotion"))
        call(f"{nodes[-1]}/v1/aliases/champion:rollback")
        waits.append(wait(lambda: serves(present), "the rollback"))
    return spread(waits)


def spread(waits: list[float]) -> dict[str, Any]:
    """The distribution of some waits."""
    ordered = sorted(waits)
    return {
        "trials": len(ordered),
        "median ms": statistics.median(ordered),
        "p99 ms": ordered[int(0.99 * (len(ordered) - 1))],
        "worst ms": ordered[-1],
    }


def measure(writer: str, reader: str, trials: int, seed: int) -> dict[str, Any]:
    """The distribution over many users."""
    chance = random.Random(seed)
    waits = [
        trial(writer, reader, f"user_{chance.randint(1, USERS)}", f"item_{chance.randrange(ITEMS)}") for _ in range(trials)
    ]
    return {"in the very next list": f"{sum(each == 0.0 for each in waits) / trials:.1%}", **spread(waits)}


def main() -> None:
    """Measure one node, then two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--decisions", type=int, default=40)
    asked = parser.parse_args()
    report = Report(
        "freshness",
        "Freshness: from an acknowledged event to the next list",
        f"{asked.trials} purchases by random users; each is followed by requests for the user's list until it is fresh.",
    )
    with tempfile.TemporaryDirectory() as name:
        category_shop(Path(name))
        with honeyguide_server(Path(name)) as url:
            rows = [
                {"list asked from": "the node that took the event", **measure(url, url, asked.trials, 1), "target": "100 %"}
            ]
        report.table("One node, SQLite", rows)
        with behind() as env:
            data_dir = Path(name) / "cluster"
            category_shop(data_dir, env=env)
            with honeyguide_server(data_dir, env) as node, honeyguide_server(data_dir, env) as other:
                own = measure(node, node, asked.trials, 2)
                far = measure(node, other, asked.trials, 3)
                ruled, switched = of_rules(node, other, asked.decisions), of_versions([node, other], asked.decisions)
        report.table(
            "Two nodes, PostgreSQL and Redis",
            [
                {"list asked from": "the node that took the event", **own, "target": "100 %"},
                {"list asked from": "the other node", **far, "target": "worst <= 500 ms"},
            ],
        )
    report.table(
        "What the shop decides, on two nodes",
        [
            {"what": "a rule saved on one node, in the lists of the other", **ruled, "target": "worst <= 500 ms"},
            {"what": "a promotion or rollback, on both nodes", **switched, "target": "worst <= 2,000 ms"},
        ],
    )
    report.write()


if __name__ == "__main__":
    main()
