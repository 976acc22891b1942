"""A list that is computed, not found in a cache, with a ranker: beside the bare numerics of the same stages.

    python -m benchmarks compute [ITEMS ...]

A user with a history of 100; ALS serves, kNN and Markov are voices, 200 trees order what the sources found. Ours is the
whole of `Recommend.serve` without a cache: the user's state is read from SQLite, and features, filters, sources, signals,
trees, re-ranking, reasons and the encoded answer are made. Bare are the products of the same models on the history as a
sparse row, the best 600 and 200 of each, and the trees on a table of signals that is ready. Both take turns in one process,
one for each size, on generated data; models see the whole catalogue, exactly (what is approximate is likeness by content
alone: `python -m benchmarks ann`).
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_array

from benchmarks.report import Report, median
from benchmarks.scoring import Bare, bare_of
from honeyguide import Honeyguide
from honeyguide.config.settings import Content, Models, Project, Settings, Surface
from honeyguide.features.columns import Columns, ColumnStore
from honeyguide.messages import Query
from honeyguide.models import untrained
from honeyguide.protocols import Model
from honeyguide.ranking.learned import LearnedRanker, parts
from honeyguide.ranking.pools import merge
from honeyguide.ranking.signals import Signals
from honeyguide.recommend.lineup import Lineup, Pair
from honeyguide.recommend.ranked import LONG
from honeyguide.retrieval.learned import model_history, tie_to_block
from honeyguide.train.ranker.rows import Lists
from honeyguide.train.ranker.trees import refit
from honeyguide.types import FloatArray, Interactions, Item

SIZES: Final = (10_000, 100_000, 1_000_000)
TURNS: Final = 60
HISTORY, TREES, CATEGORIES = 100, 200, 50
MODEL: Final = "als"
VOICES: Final = ("knn", "markov")
TARGET: Final = 2.5
_USER: Final = "u"
_WARM: Final = 5


def interactions(items: int) -> Interactions:
    """Two events for each item and half a million more, of users who come back, ten seconds apart; every item has one."""
    generator = np.random.default_rng(0)
    events, users = 2 * items + 500_000, 50_000
    weights = 1 / (np.arange(items) + 10.0) ** 0.9
    what = generator.choice(items, events, p=weights / weights.sum()).astype(np.int32)
    what[:items] = generator.permutation(items).astype(np.int32)
    who = generator.integers(0, users, events).astype(np.int32)
    ts = np.arange(events, dtype=np.int64) * 10_000
    return Interactions(who, what, np.ones(events, np.float32), ts, users, items)


def fitted(name: str, data: Interactions) -> Model:
    """The model on the data; ALS gets drawn factors, since the product does not depend on what they say."""
    model = untrained(name)
    if name != MODEL:
        return model.fit(data, seed=0)
    size = int(model.params()["factors"])
    factors = np.random.default_rng(1).standard_normal((data.n_items, size), dtype=np.float32) / np.float32(size**0.5)
    return model.with_arrays({"factors": factors, "scale": np.ones(1, np.float32)})


def ranker_of(signals: Signals) -> LearnedRanker:
    """Trees of the usual size, on lists that are drawn."""
    generator, width, size = np.random.default_rng(2), len(signals.names), 100
    count = 300
    table = generator.standard_normal((count * size, width)).astype(np.float32)
    gains = (generator.random(count * size) < 0.05).astype(np.float32) * (1 + table[:, 0] > 0)
    indptr = np.arange(count + 1, dtype=np.int64) * size
    lists = Lists(table, np.zeros(len(table), np.int32), gains.astype(np.float32), indptr, np.arange(count, dtype=np.int64))
    trees = bytes(refit(lists, signals.names, TREES, k=20, seed=0).save_raw("ubj"))
    return LearnedRanker.of(f"{MODEL}@1", *parts(trees, signals))


@dataclass(frozen=True)
class Shop:
    """A runtime whose memory holds a catalogue of this size, with the models and the ranker that serve."""

    hg: Honeyguide
    models: dict[str, Model]
    ranker: LearnedRanker


def shop(folder: Path, size: int) -> Shop:
    """The history in the log, the catalogue in memory, the models in the line-up."""
    given = Settings(
        project=Project(data_dir=folder),
        surfaces=[Surface(name="home", recipe="ranked", deadline=10.0)],  # what is slow is to be seen, not left out
        models=Models(voices=list(VOICES)),
        content=Content(fields=[]),
    )
    hg = Honeyguide.open(given)
    ids = [f"item_{number}" for number in range(size)]
    liked = np.random.default_rng(3).choice(size, HISTORY, replace=False).tolist()
    now = hg.runtime.clock.now_ms()
    hg.ingest(
        [
            {"event_id": f"e{place}", "user_id": _USER, "item_id": ids[item], "type": "view", "ts": now - 60_000 * place}
            for place, item in enumerate(liked, start=1)
        ]
    )
    hg.runtime.folding.refresh()
    block, created = hg.runtime.items, now - 100 * 86_400_000
    block.put(
        Item(item_id=item_id, title=item_id, categories=(f"c{n % CATEGORIES}",), price=float(n % 90), created_at=created + n)
        for n, item_id in enumerate(ids)
    )
    names = ColumnStore(hg.runtime.plans["item"]).names
    values = np.random.default_rng(4).random((size, len(names)), dtype=np.float32)
    block.features = Columns(names, values, 1, now, now, 1)
    data = interactions(size)
    models = {name: fitted(name, data) for name in (MODEL, *VOICES, "popular")}
    tied = {name: tie_to_block(f"{name}@1", model, ids, [], block) for name, model in models.items()}
    sources = ("model", *VOICES, "popular", "new", "catalogue")
    views = tuple(name for name in names if name not in ("price", "age"))
    ranker = ranker_of(Signals(sources, views, ("total_purchases", "user_clicks_1d", "user_views_1d", "last_seen")))
    pair = Pair(tied[MODEL], tied["popular"], None, {"home": ranker}, {name: tied[name] for name in VOICES})
    hg.runtime.serving.lineup = Lineup({"champion": pair})
    return Shop(hg, models, ranker)


def query() -> Query:
    """A list that nobody keeps."""
    return Query(user_id=_USER, n=10, dry_run=True, explore=False)


async def bare_numerics(made: Shop) -> Callable[[], None]:
    """The numerics of one list, on what the request of this user gives them."""
    recommend = made.hg.runtime.recommend
    list_made = await recommend.making.make(query(), LONG, recommend.lineup)
    request = list_made.request
    pool = merge(list_made.outcome.found, len(request.items))
    table = made.ranker.signals.of(request, pool)
    works: list[tuple[Bare, csr_array, int]] = []
    for name, limit in ((MODEL, request.surface.candidates), *((name, request.surface.voice_candidates) for name in VOICES)):
        served = request.model if name == MODEL else request.voices[name]
        assert served is not None
        history = model_history(served, request)
        latest = history.items[-int(made.models[name].params().get("latest", HISTORY)) :]
        order = np.sort(latest)
        ends = np.array([0, len(order)], np.int32)
        row = csr_array((np.ones(len(order), np.float32), order, ends), shape=(1, len(served.rows)))
        works.append((bare_of(made.models[name]), row, limit))

    def run() -> None:
        for product, row, limit in works:
            best(product(row)[0], limit)
        made.ranker.predicted(table)

    return run


def best(scores: FloatArray, limit: int) -> None:
    """The best in order."""
    found = np.argpartition(scores, len(scores) - limit)[-limit:]
    found[np.argsort(-scores[found])]


async def measured(made: Shop) -> dict[str, Any]:
    """Milliseconds of both sides, taking turns, and of the stages of ours."""
    bare, recommend = await bare_numerics(made), made.hg.runtime.recommend
    ours, theirs, stages = list[float](), list[float](), defaultdict[str, list[float]](list)
    for turn in range(_WARM + TURNS):
        started = time.perf_counter()
        served = await recommend.serve(query())
        between = time.perf_counter()
        bare()
        ended = time.perf_counter()
        assert not served.degraded, served.degraded
        assert len(served.slate().items) == 10
        if turn >= _WARM:
            ours.append(between - started)
            theirs.append(ended - between)
            for name, seconds in (served.stages or {}).items():
                stages[name].append(seconds)
    told = {name: 1_000 * median(values) for name, values in stages.items()}
    told["state, features, answer"] = 1_000 * median(ours) - sum(told.values())
    return {
        "ours": [1_000 * float(np.quantile(ours, share)) for share in (0.5, 0.99)],
        "bare": [1_000 * float(np.quantile(theirs, share)) for share in (0.5, 0.99)],
        "stages": told,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def alone(size: int) -> dict[str, Any]:
    """One size, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        made = shop(Path(folder), size)
        try:
            found: dict[str, Any] = made.hg.run(measured(made))
            return found
        finally:
            made.hg.close()


def main() -> None:
    """Measure each size in a process of its own, and write the report."""
    words = sys.argv[1:]
    sizes = [int(word) for word in words] or SIZES
    report = Report(
        "compute",
        "A computed list with a ranker, beside its bare numerics",
        f"A history of {HISTORY}, {MODEL} and the voices {' and '.join(VOICES)}, {TREES} trees, lists of 10; {TURNS} turns, "
        f"ratio of medians. Target: at most {TARGET}.",
    )
    rows, stages = [], []
    for size in sizes:
        done = subprocess.run([sys.executable, "-m", "benchmarks.compute", str(size)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            {
                "items": f"{size:,}",
                "p50 ms": f"{found['ours'][0]:.2f}",
                "p99 ms": f"{found['ours'][1]:.2f}",
                "bare p50 ms": f"{found['bare'][0]:.2f}",
                "bare p99 ms": f"{found['bare'][1]:.2f}",
                "ratio": f"{found['ours'][0] / found['bare'][0]:.2f}",
                "peak MB": f"{found['mb']:,.0f}",
            }
        )
        stages.append({"items": f"{size:,}"} | {name: f"{ms:.2f}" for name, ms in found["stages"].items()})
        print(rows[-1], stages[-1], file=sys.stderr)
    report.table("One list", rows)
    report.table("Ours by stage: median ms", stages)
    report.write()


if __name__ == "__main__":
    print(json.dumps(alone(int(sys.argv[1]))))
