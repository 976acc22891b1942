"""What minutes of training are worth to `sasrec`: accuracy on the test part at each budget, chosen by validation alone.

    python -m benchmarks.sequence [--set ml-1m-seq] [--minutes 30,60,120] [--folder DIR]

One training, gone on from its checkpoint with each larger budget; an interrupted run goes on from there as well. Beside it
are the models that are fitted in seconds, on the same split. P2: the last item of each user, all items ranked.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open

from benchmarks.report import Report
from benchmarks.sets import P2, SETS
from honeyguide.models import untrained
from honeyguide.models.sasrec import Sasrec
from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.types import Json

RIVALS: Final = ("ease", "markov", "bayes")
_LONGEST: Final = 100_000  # passes: nothing but time ends this training


def row(name: str, model: Model, split: Split, stand: Json) -> dict[str, Any]:
    """One line of the table; `stand` is what a checkpoint says of its training, nothing for models without one."""
    evaluation = evaluate(model, split, k=10)
    spans = evaluation.intervals(0)
    told: dict[str, Any] = {"model": name, "minutes": round(stand["spent"] / 60, 1) if stand else ""}
    told |= {"passes": stand.get("done", ""), "validation": ""}
    if stand:
        told["validation"] = f"{max(score for _, score in stand['curve']):.4f}"
    for measure, title, space in (("hit_rate", "HR@10", ""), ("ndcg", "NDCG@10", " ")):
        told[title] = f"{spans[measure].mean:.4f}"
        told[f"95 %{space}"] = f"{spans[measure].low:.4f}-{spans[measure].high:.4f}"
    return told | {"coverage@10": f"{evaluation.coverage:.3f}"}


def stand_of(folder: Path) -> Json:
    """What the latest checkpoint in a folder says of its training: passes done, seconds spent, the validation after each."""
    latest = max(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    with safe_open(latest, framework="numpy") as file:
        found: Json = json.loads(file.metadata()["state"])
    return found


def measured(split: Split, minutes: Sequence[float], folder: Path) -> list[dict[str, Any]]:
    """The rivals, then `sasrec` at each budget."""
    rows = [row(name, untrained(name).fit(split.train, seed=0), split, {}) for name in RIVALS]
    for budget in minutes:
        model = Sasrec(budget=60 * budget, rounds=_LONGEST, patience=_LONGEST, checkpoint=str(folder))
        fitted = model.fit(split.train, seed=0)
        rows.append(row("sasrec", fitted, split, stand_of(folder)))
        print(rows[-1], file=sys.stderr)
    return rows


def report_of(name: str, rows: list[dict[str, Any]]) -> Report:
    """The page."""
    report = Report(
        "sequence",
        "What minutes of training are worth to the sequential model",
        "P2: the last item of each user is held out, all items ranked without those of the user's past; intervals by "
        "bootstrap over users. 'validation' is NDCG@10 of the best pass on the latest training items of 1,000 users; it "
        "alone decides what is kept. Minutes are of the clock, beside whatever else the machine did.",
    )
    report.table(f"{name} ({P2})", rows)
    return report


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="ml-1m-seq", choices=[name for name in SETS if SETS[name].protocol == P2])
    parser.add_argument("--minutes", default="30,60,120", help="budgets, with commas between them")
    parser.add_argument("--folder", type=Path, help="of the checkpoint; without one an interrupted run begins anew")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        minutes = [float(word) for word in given.minutes.split(",")]
        rows = measured(SETS[given.set].load(), minutes, given.folder or Path(aside))
    report_of(given.set, rows).write()


if __name__ == "__main__":
    main()
