"""The recipe `ranked` on a data set: trained through the pipeline that serves, judged on the set's own split."""

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from honeyguide import Honeyguide
from honeyguide.clock import SystemClock
from honeyguide.config.settings import Content, Project, Settings, Surface, Training
from honeyguide.models import untrained
from honeyguide.offline.evaluation import Evaluation
from honeyguide.train.compare import compare
from honeyguide.train.gate import judge
from honeyguide.train.material import material
from honeyguide.train.ranker import rankers
from honeyguide.types import Json

MODELS: Final = ("popular", "knn", "ease", "als", "markov", "bayes")
_BATCH: Final = 50_000


@dataclass(frozen=True)
class RankerFound:
    """How a ranker did: `evaluation` of its lists, `more` what is told beside it, `seconds` of fitting and judging."""

    evaluation: Evaluation | None
    voices: list[str]
    more: Json
    seconds: float


def ranked(events: pl.DataFrame, items: Mapping[str, Mapping[str, object]], *, k: int, seed: int) -> RankerFound:
    """Ingest the set in a project of its own, compare the single models, and train and judge a ranker over them.

    `events` has `user`, `item`, `ts` in the order of the split; all of them weigh the same. Lists have no cap, and hold what
    the sources find: nobody's known items."""
    surface = Surface(name="home", recipe="ranked", max_per_category=0)
    with tempfile.TemporaryDirectory() as folder:
        given = Settings(
            project=Project(data_dir=Path(folder)),
            surfaces=[surface],
            training=Training(k=k, seed=seed, ranker_lists=10_000),
            content=Content(fields=[]),
        )
        with Honeyguide.open(given) as hg:
            hg.ingest([{"item_id": item_id, **fields} for item_id, fields in items.items()], "items")
            _ingest(hg, events)
            store, settings, clock = hg.runtime.store, hg.runtime.settings, SystemClock()

            def tell(stage: str, share: float) -> None:
                print(f"  {stage} {share:.0%}", file=sys.stderr)

            data = material(store, settings, lambda stage, share: None)
            models = [untrained(name) for name in MODELS]
            trials = compare(models, data.split, data.dataset.item_ids, data.categories, data.limits, settings, clock, tell)
            champion = judge(trials, settings, serving="", chosen="", present=None).champion
            started = time.perf_counter()
            found = rankers(store, settings, data, models, trials, champion, tell)[0]
            seconds = time.perf_counter() - started
    more: Json = {
        "passed": found.passed,
        **{name: found.metrics[name] for name in ("best_source", "gain", "lists", "trees", "strongest")},
    }
    voices = [champion, *(name for name in settings.models.voices if name != champion)]
    return RankerFound(found.evaluation, voices, more, seconds)


def _ingest(hg: Honeyguide, events: pl.DataFrame) -> None:
    for start in range(0, len(events), _BATCH):
        part = events.slice(start, _BATCH)
        rows = [
            {"event_id": f"e{start + place}", "user_id": str(user), "item_id": str(item), "type": "view", "ts": ts}
            for place, (user, item, ts) in enumerate(part.iter_rows())
        ]
        report = hg.ingest(rows)
        assert not report.rejected, report.rejected[:3]
