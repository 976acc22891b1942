"""How soon an acknowledged event is in the next list, over HTTP: on the node that took it, and on another one.

    python -m benchmarks.freshness [--trials 1000]

A trial: a purchase is acknowledged with its `sequence`; then the user's list is asked for. It is fresh when its `as_of` is
at least that sequence and the item is not in it. The time is from the acknowledgement to the first fresh list.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from benchmarks.servers import behind, honeyguide_server
from benchmarks.shops import ITEMS, USERS, category_shop

PATIENCE_SECONDS = 10.0


def call(url: str) -> dict[str, Any]:
    """The JSON answer to a POST without a body."""
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
        found: dict[str, Any] = json.loads(answer.read())
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


def measure(writer: str, reader: str, trials: int, seed: int) -> dict[str, Any]:
    """The distribution over many users."""
    chance = random.Random(seed)
    waits = sorted(
        trial(writer, reader, f"user_{chance.randint(1, USERS)}", f"item_{chance.randrange(ITEMS)}") for _ in range(trials)
    )
    return {
        "trials": trials,
        "in the very next list": f"{sum(wait == 0.0 for wait in waits) / trials:.1%}",
        "median ms": statistics.median(waits),
        "p99 ms": waits[int(0.99 * (trials - 1))],
        "worst ms": waits[-1],
    }


def main() -> None:
    """Measure one node, then two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
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
        report.table(
            "Two nodes, PostgreSQL and Redis",
            [
                {"list asked from": "the node that took the event", **own, "target": "100 %"},
                {"list asked from": "the other node", **far, "target": "worst <= 500 ms"},
            ],
        )
    report.write()


if __name__ == "__main__":
    main()
