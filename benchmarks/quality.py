"""Quality of the models, and of the one that is chosen by itself, on full rankings: one line of JSON for each.

    python -m benchmarks.quality --set movielens-100k
    python -m benchmarks.quality --train FILE --test FILE --format lists
    python -m benchmarks.quality --train FILE --format sequences
    python -m benchmarks.quality --train FILE --format events --budget 5m

Without --set or --train every set in ../shared/data is measured. What is left out, and why, is said on stderr.
`python -m benchmarks quality` writes the same figures with intervals, beside plain implementations, as a page.

Protocols. All items are ranked, none of the user's past. P1 (lists): the given test part; P2 (sequences): the last item of
each user, all before it is learned from; P5 (events): the latest 20 % of each user's distinct items, at least one. Recall is
hits / held-out items, NDCG binary, its ideal over min(held out, k); means over the users who are asked. `coverage` is the
share of all items in any list of 20, of 10 for P2. `ranker`, on the sets of `benchmarks.sets` that have a shop: the recipe
`ranked` trained through the pipeline that serves, on the same split, its candidates ranked and no cap; of its `params`
`gain` is over the best single model per user (mean, 95 %), `passed` whether the gate lets it serve. `auto` is the best of
a search on a validation part inside the training part, within --budget; its `fit_s` is all that searching and fitting took.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.auto import choose
from benchmarks.ranked import ranked
from benchmarks.report import Report
from benchmarks.sets import ALIASES, DATA, P1, P2, P5, SETS
from benchmarks.split_files import FORMATS, read_split
from honeyguide.config.values import parse_duration
from honeyguide.errors import InvalidInput, NotEnoughData
from honeyguide.models import REGISTRY, quick
from honeyguide.offline.evaluation import Evaluation, evaluate
from honeyguide.offline.splits import Split
from honeyguide.train.bench import REFUSALS, why
from honeyguide.types import Json

PROTOCOLS: Final = {"lists": P1, "sequences": P2, "events": P5}
RANKER: Final = "ranker"
_K: Final = 20
_PAGE_BUDGET: Final = 60.0


@dataclass(frozen=True)
class Measured:
    """One model's line: `name` is the model or `auto`, `params` what it was fitted with."""

    name: str
    params: Json
    fit_seconds: float
    evaluation: Evaluation


def measured(
    split: Split, protocol: str, *, names: Sequence[str], budget: float, seed: int, title: str = ""
) -> Iterator[Measured]:
    """Each model fitted with its defaults on the past and asked for the rest, a ranker where the set `title` has a shop, and
    the model chosen on the past alone."""
    if not len(split.users):
        cure = "It takes users with two different items at least, or with a line in the test part."
        raise NotEnoughData("There is nobody to ask: nothing is held out.", cure=cure)
    for name in names:
        started = time.perf_counter()
        try:
            fitted = REGISTRY[name]().fit(split.train, seed=seed)
        except REFUSALS as error:
            print(f"{name} is left out: {why(error)}", file=sys.stderr)
            continue
        seconds = time.perf_counter() - started
        yield Measured(name, fitted.params(), seconds, evaluate(fitted, split, k=_K))
    if title in SETS and SETS[title].shop is not None:
        yield _of_ranker(title, split, seed)
    choice = choose(split.train, names, last=protocol == P2, k=10 if protocol == P2 else _K, budget=budget, seed=seed)
    yield Measured("auto", choice.params, choice.seconds, evaluate(choice.model, split, k=_K))


def _of_ranker(title: str, split: Split, seed: int) -> Measured:
    """The recipe `ranked` on the same split, or what is left of it where none could be fitted."""
    shop = SETS[title].shop
    assert shop is not None
    found = ranked(*shop(), k=_K, seed=seed)
    assert found.evaluation is not None
    assert len(found.evaluation.values["ndcg"]) == len(split.users), "the same users are asked"
    return Measured(RANKER, {"voices": found.voices, **found.more}, found.seconds, found.evaluation)


def line(title: str, protocol: str, found: Measured) -> dict[str, Any]:
    """The JSON of one model."""
    at_20, at_10 = found.evaluation, found.evaluation.at(10)
    return {
        "set": title,
        "protocol": protocol,
        "model": found.name,
        "params": found.params,
        "recall@20": round(at_20.mean("recall"), 6),
        "ndcg@20": round(at_20.mean("ndcg"), 6),
        "hr@10": round(at_10.mean("hit_rate"), 6),
        "ndcg@10": round(at_10.mean("ndcg"), 6),
        "mrr@20": round(at_20.mean("mrr"), 6),
        "coverage": round((at_10 if protocol == P2 else at_20).coverage, 6),
        "fit_s": round(found.fit_seconds, 3),
        "users": len(at_20.values["ndcg"]),
    }


def command(words: Sequence[str]) -> int:
    """What the command line asks for, as lines of JSON on stdout; the exit code."""
    given = _parser().parse_args(words)
    try:
        budget = float(given.budget) if given.budget.isdecimal() else parse_duration(given.budget)
        wanted = given.models.split(",") if given.models else [*quick(), RANKER]
        names = [name for name in REGISTRY if name in wanted]
        for title, protocol, split in _asked(given):
            own = title if RANKER in wanted else ""
            for found in measured(split, protocol, names=names, budget=budget, seed=given.seed, title=own):
                print(json.dumps(line(title, protocol, found)), flush=True)
    except (InvalidInput, ValueError) as error:
        print(f"python -m benchmarks.quality: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    named = ", ".join([*SETS, *ALIASES])
    parser.add_argument("--set", action="append", metavar="NAME", help=f"a set; may be repeated: {named}")
    parser.add_argument("--train", type=Path, metavar="FILE", help="a file of your own to learn from")
    parser.add_argument("--test", type=Path, metavar="FILE", help="for lists: the held-out part")
    parser.add_argument("--format", choices=FORMATS, help="lists or sequences: user item item ...; events: CSV")
    parser.add_argument("--budget", default="10m", metavar="TIME", help="for the search of auto: 90s, 2m, 1h; 10m")
    parser.add_argument("--models", metavar="NAMES", help="only these, with commas between them; all but sasrec, and ranker")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything random; 0")
    return parser


def _asked(given: argparse.Namespace) -> Iterator[tuple[str, str, Split]]:
    """(name, protocol, split) of what is to be measured. Raises `InvalidInput` for words that do not go together."""
    if given.train is not None:
        if given.set or given.format is None:
            raise InvalidInput("--train needs --format, and no --set.", cure=f"Formats: {', '.join(FORMATS)}.")
        yield given.train.name, PROTOCOLS[given.format], read_split(given.format, given.train, given.test)
        return
    if given.test is not None or given.format is not None:
        raise InvalidInput("--test and --format go with --train FILE.", cure="Name it, or a set with --set.")
    for name in given.set or SETS:
        title = ALIASES.get(name.lower(), name)
        if title not in SETS:
            raise InvalidInput(f"There is no set {name!r}.", cure=f"There are: {', '.join(SETS)}.")
        try:
            split = SETS[title].load()
        except FileNotFoundError as error:
            if given.set:
                raise InvalidInput(f"{name} is not there: {error.filename}.", cure=f"Put it into {DATA}.") from error
            print(f"{title} is not there and is left out", file=sys.stderr)
            continue
        yield title, SETS[title].protocol, split


def row(protocol: str, found: Measured, reference: str) -> dict[str, object]:
    """One model as a row of the page."""
    evaluation = found.evaluation.at(10 if protocol == P2 else _K)
    spans = evaluation.intervals(0)
    told: dict[str, object] = {"model": found.name if found.name != "auto" else f"auto ({found.params['model']})"}
    for name, space in (("recall", ""), ("ndcg", " ")):
        told[f"{name}@{evaluation.k}"] = f"{spans[name].mean:.4f}"
        told[f"95 %{space}"] = f"{spans[name].low:.4f}-{spans[name].high:.4f}"
    told[f"coverage@{evaluation.k}"] = f"{evaluation.coverage:.3f}"
    if found.name == RANKER:
        mean, low, high = found.params["gain"]
        reference = f"{mean:+.4f} ndcg over {found.params['best_source']} ({low:+.4f} to {high:+.4f})"
    return told | {"fit s": f"{found.fit_seconds:.1f}", "reference": reference}


def main() -> None:
    """Measure every set that is there, and write the page."""
    report = Report(
        "quality",
        "Quality of the models, untuned, and of the one that is chosen",
        "Defaults as shipped. All items are ranked, without those of the user's past; intervals by bootstrap over users. "
        "Every interaction weighs the same unless the name says otherwise, and models see whole histories. 'auto' is chosen "
        f"on a validation part inside the training part, within {_PAGE_BUDGET:g} s. "
        "'reference': recall/ndcg/coverage; fit seconds of a plain "
        "implementation with parameters chosen by hand on the same split (kNN: cosine, 100 neighbours; Markov: first order; "
        "EASE on Gowalla: the 16,000 most popular items). 'ranker': the recipe `ranked`, trained through the pipeline; it "
        "sees feature views as of each user's own moment, where a single model is frozen at the split, and what was not "
        "there yet is no candidate of its lists; its reference is the gain per user over the best single model.",
    )
    for title, own in SETS.items():
        try:
            split = own.load()
        except FileNotFoundError:
            report.notes.append(f"{title} was not there and was left out.")
            continue
        past, rows = split.train, []
        shape = f"{past.n_users:,} users, {past.n_items:,} items, {len(past.users):,} events, {len(split.items):,} held out"
        for found in measured(split, own.protocol, names=quick(), budget=_PAGE_BUDGET, seed=0, title=title):
            rows.append(row(own.protocol, found, own.reference.get(found.name, "")))
            print(title, rows[-1], file=sys.stderr)
        report.table(f"{title} ({own.protocol}; {shape})", rows)
    report.write()


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
