"""Two nodes that begin with nothing in memory, on one PostgreSQL and one Redis; and what users who were served weigh.

    python -m benchmarks.cold_start [--requests 20000]

Requests follow Zipf's law with s = 1 over all users and go to the nodes in turn. The upper bound is a cache that both share
and that never forgets. Memory is what a node has more after lists were made for so many users, of whom each has a history.
"""

import argparse
import itertools
import json
import os
import random
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from benchmarks.servers import behind, honeyguide_server
from benchmarks.shops import category_shop

USERS = 10_000


def ask(url: str, user: int) -> dict[str, Any]:
    """A user's list."""
    request = urllib.request.Request(f"{url}/v1/recommendations?user_id=user_{user}&n=10", method="POST")
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def zipf(requests: int, seed: int) -> list[int]:
    """Users, by how often they come."""
    cumulative = list(itertools.accumulate(1.0 / rank for rank in range(1, USERS + 1)))
    return random.Random(seed).choices(range(1, USERS + 1), cum_weights=cumulative, k=requests)


def hit_rate(nodes: tuple[str, str], requests: int, seed: int) -> dict[str, Any]:
    """Requests in turn; those that found a list."""
    users, hits = zipf(requests, seed), 0
    for place, user in enumerate(users):
        hits += ask(nodes[place % 2], user)["cached"]
    bound = 1 - len(set(users)) / requests
    rate = hits / requests
    return {"requests": requests, "hit rate": f"{rate:.1%}", "upper bound": f"{bound:.1%}", "ratio": rate / bound}


def resident(port: str) -> int:
    """Bytes that the server on a port holds in memory."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"serve" in words and port.encode() in words:
                return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    raise RuntimeError(f"no server on port {port}")


def weigh(url: str) -> dict[str, Any]:
    """Memory before and after every user was served."""
    port = url.rpartition(":")[2]
    for user in range(1, 200):
        ask(url, user)
    before = resident(port)
    for user in range(200, USERS + 1):
        ask(url, user)
    more = resident(port) - before
    return {"users served": USERS - 199, "MB more": more / 1e6, "kB each": more / 1e3 / (USERS - 199)}


def main() -> None:
    """Measure both and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    asked = parser.parse_args()
    report = Report("cold_start", "Two nodes at a cold start, and the memory of users", f"{USERS} users, Zipf s = 1.")
    with tempfile.TemporaryDirectory() as name, behind() as env:
        data_dir = Path(name)
        category_shop(data_dir, users=USERS, env=env)
        with honeyguide_server(data_dir, env) as node, honeyguide_server(data_dir, env) as other:
            report.table("Hit rate", [hit_rate((node, other), asked.requests, 1)])
        with honeyguide_server(data_dir, env) as node:
            report.table("Memory", [weigh(node)])
    report.notes.append("Kept lists are bounded by cache.l1_size: memory grows with users only up to it.")
    report.write()


if __name__ == "__main__":
    main()
