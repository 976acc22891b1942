"""Cached lists and durable ingest over HTTP, each beside its ceiling in the same run.

    python -m benchmarks.http [--seconds 8] [--rounds 3]

The server (with its slate writer) has one core, the load generator the other; the bare answer is run the same way.
"""

import argparse
import json
import random
import sqlite3
import tempfile
import time
import urllib.request
from pathlib import Path

import psycopg

from benchmarks.report import Report, median
from benchmarks.servers import bare_server, behind, cpu_seconds, honeyguide_server, load
from benchmarks.shops import ITEMS, USERS, category_shop

HERE = Path(__file__).parent
BATCH, CONNECTIONS = 500, 32


def fetch(url: str, *, post: bool = True) -> bytes:
    """The body of one answer."""
    request = urllib.request.Request(url, method="POST" if post else "GET")
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


def measure_lists(
    data_dir: Path, seconds: int, rounds: int, env: dict[str, str] | None = None, target_ratio: str = ">= 0.60"
) -> list[dict[str, object]]:
    """Cached lists against bare answers of the same size, in turns."""
    rows: list[dict[str, object]] = []
    for name, target in (
        ("POST /recommendations?user_id=..&n=10 (ids)", "/recommendations?user_id=user_%d&n=10"),
        ("POST /v1/recommendations?user_id=..&n=10 (scores, reasons)", "/v1/recommendations?user_id=user_%d&n=10"),
    ):
        environ = {"USERS": str(USERS), "TARGET": target}
        with honeyguide_server(data_dir, env) as url:
            for number in range(1, USERS + 1):
                fetch(url + target % number)
            size = len(fetch(url + target % 1))
            with bare_server(size) as bare, bare_server(size, "short") as short:
                measured: dict[str, list[tuple[float, float]]] = {url: [], bare: [], short: []}
                logged = []
                for _ in range(rounds):
                    before = slates_logged(url)
                    for server, found in measured.items():
                        found.append(pace(server, seconds, environ))
                    time.sleep(0.5)
                    logged.append((slates_logged(url) - before) / (measured[url][-1][0] * seconds))
        (ours, ours_cpu), (asgi, asgi_cpu), (one, _) = (
            tuple(map(median, zip(*found, strict=True))) for found in measured.values()
        )
        rows.append(
            {
                "request": name,
                "answer bytes": size,
                "honeyguide req/s": ours,
                "bare ASGI req/s": asgi,
                "ratio": ours / asgi,
                "target": target_ratio,
                "CPU us each": ours_cpu,
                "bare ASGI": asgi_cpu,
                "ratio of CPU": asgi_cpu / ours_cpu,
                "ratio to a bare answer by the short way": ours / one,
                "slates logged": f"{median(logged):.1%}",
            }
        )
    return rows


def pace(url: str, seconds: int, environ: dict[str, str]) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's CPU for each."""
    before = cpu_seconds(url)
    rate = load(url, HERE / "recommend.lua", connections=CONNECTIONS, seconds=seconds, environ=environ)
    return rate, (cpu_seconds(url) - before) * 1e6 / (rate * seconds)


def slates_logged(url: str) -> float:
    """The counter of slates that reached the disk."""
    for line in fetch(f"{url}/metrics", post=False).decode().splitlines():
        if line.startswith("honeyguide_slates_logged_total "):
            return float(line.split()[1])
    return 0.0


def sample_events() -> list[dict[str, object]]:
    """One batch as a shop's front end sends it."""
    chance = random.Random(2)
    return [
        {
            "type": chance.choice(["view", "click", "view", "add_to_cart"]),
            "user_id": f"user_{chance.randint(1, USERS)}",
            "item_id": f"item_{chance.randint(0, ITEMS - 1)}",
            "session_id": f"s{chance.randint(1, 9999)}",
            "surface": "home",
        }
        for _ in range(BATCH)
    ]


def measure_ingest(data_dir: Path, folder: Path, seconds: int, rounds: int) -> list[dict[str, object]]:
    """Batches over HTTP against executemany into the same table."""
    body = folder / "batch.json"
    body.write_text(json.dumps(sample_events()))
    environ = {"BODY": str(body), "TARGET": "/v1/events:batch"}
    ours = []
    with honeyguide_server(data_dir) as url:
        for _ in range(rounds):
            rate = load(url, HERE / "ingest.lua", connections=4, seconds=seconds, environ=environ)
            ours.append(rate * BATCH)
    raw = [raw_rate(data_dir, folder / f"raw{number}.sqlite", seconds) for number in range(rounds)]
    return [
        {
            "what": f"batches of {BATCH}, durable, 4 connections",
            "honeyguide events/s": median(ours),
            "raw executemany events/s": median(raw),
            "ratio": median(ours) / median(raw),
            "target": ">= 0.60",
        }
    ]


def measure_postgres_ingest(
    data_dir: Path, folder: Path, env: dict[str, str], seconds: int, rounds: int
) -> list[dict[str, object]]:
    """Batches over HTTP into PostgreSQL against COPY into the same table, a commit per batch."""
    body = folder / "batch.json"
    environ = {"BODY": str(body), "TARGET": "/v1/events:batch"}
    with honeyguide_server(data_dir, env) as url:
        script = HERE / "ingest.lua"
        ours = [BATCH * load(url, script, connections=4, seconds=seconds, environ=environ) for _ in range(rounds)]
    raw = [copy_rate(env["HONEYGUIDE_STORAGE__URL"], seconds) for _ in range(rounds)]
    return [
        {
            "what": f"batches of {BATCH}, durable, 4 connections",
            "honeyguide events/s": median(ours),
            "raw COPY events/s": median(raw),
            "ratio": median(ours) / median(raw),
        }
    ]


def copy_rate(url: str, seconds: float) -> float:
    """Rows per second of COPY, one durable commit per batch, into a table with the log's columns and indexes."""
    with psycopg.connect(url) as link:
        link.execute("CREATE TEMP TABLE columns AS SELECT * FROM honeyguide.log LIMIT 0")
        columns = [row.name for row in link.execute("SELECT * FROM columns").description or ()]
        named = ", ".join(columns)
        sql = f"SELECT {named} FROM honeyguide.log WHERE kind = 'event' ORDER BY sequence DESC LIMIT {BATCH}"
        sample = [list(row) for row in link.execute(sql).fetchall()]
        link.execute("CREATE SCHEMA raw")
        link.execute("CREATE TABLE raw.log (LIKE honeyguide.log INCLUDING ALL)")
        link.commit()
        at, identity = columns.index("sequence"), columns.index("event_id")
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            with link.cursor().copy(f"COPY raw.log ({named}) FROM STDIN") as copy:
                for offset, row in enumerate(sample):
                    row[at], row[identity] = done + offset + 1, f"{done:020d}{offset:06d}"
                    copy.write_row(row)
            link.commit()
            done += len(sample)
        rate = done / (time.perf_counter() - started)
        link.execute("DROP SCHEMA raw CASCADE")
    return rate


def raw_rate(data_dir: Path, path: Path, seconds: float) -> float:
    """Rows per second of executemany, one commit with fsync per batch, into a table with the log's columns and indexes."""
    source = sqlite3.connect(data_dir / "honeyguide.sqlite")
    schema = [sql for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'log' AND sql IS NOT NULL")]
    columns = [row[1] for row in source.execute("PRAGMA table_info(log)")]
    sample = source.execute(
        f"SELECT {', '.join(columns)} FROM log WHERE kind = 'event' ORDER BY sequence DESC LIMIT {BATCH}"
    ).fetchall()
    source.close()
    target = sqlite3.connect(path, isolation_level=None)
    target.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; " + "; ".join(schema))
    at, identity = columns.index("sequence"), columns.index("event_id")
    statement = f"INSERT INTO log ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        rows = []
        for offset, row in enumerate(sample):
            made = list(row)
            made[at], made[identity] = done + offset + 1, f"{done:020d}{offset:06d}"
            rows.append(made)
        target.execute("BEGIN IMMEDIATE")
        target.executemany(statement, rows)
        target.execute("COMMIT")
        done += len(rows)
    rate = done / (time.perf_counter() - started)
    target.close()
    return rate


def main() -> None:
    """Run both and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    report = Report(
        "http",
        "HTTP: cached lists and durable ingest",
        f"Medians of {asked.rounds} rounds of {asked.seconds} s. {CONNECTIONS} connections for lists, one process, the "
        "server on one core and load generator (wrk) on the other. Every list is logged as a slate. Ratios are what counts. "
        "The bare ASGI answer goes out as uvicorn sends it, in two writes; a list in memory goes the short way, in one.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        category_shop(folder / "shop")
        report.table("Cached lists", measure_lists(folder / "shop", asked.seconds, asked.rounds))
        report.table("Ingest", measure_ingest(folder / "shop", folder, asked.seconds, asked.rounds))
        with behind() as env:
            category_shop(folder / "cluster", env=env)
            lists = measure_lists(folder / "cluster", asked.seconds, asked.rounds, env, ">= 0.45")
            report.table("Cached lists, with Redis and PostgreSQL", lists)
            events = measure_postgres_ingest(folder / "cluster", folder, env, asked.seconds, asked.rounds)
            report.table("Ingest into PostgreSQL", events)
    report.write()


if __name__ == "__main__":
    main()
