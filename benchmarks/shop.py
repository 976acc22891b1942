"""The whole recipe on the synthetic shop: what its lists get out of shoppers whose truth is known.

    python -m benchmarks shop

The shop of `honeyguide demo` (2,000 items, 5,000 users, 30 days of history), trained once with a ranker. Each way of making
lists has a copy of the project and a world of its own: the same visits, in which only its own lists wear, and every event
goes through INGEST. Lists are made anew for each page. Random, popularity and the oracle, which knows the truth, are beside
them.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Report
from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Project, Settings, Surface
from honeyguide.simulate import arrivals, history, make_shop, owned
from honeyguide.simulate.calendar import Session
from honeyguide.simulate.history import popularity
from honeyguide.simulate.reference import ListMaker, World, references
from honeyguide.simulate.service import Reporter
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.tally import Tally

N, SEED, DRAWS = 10, 2, 2_000
MODELS = ("knn", "ease", "als", "markov", "bayes")
ALONE: dict[str, Any] = {"max_per_category": 0, "sources": [{"name": "model"}, {"name": "popular"}, {"name": "catalogue"}]}
MMR, SEEN = {"method": "mmr", "strength": 0.3}, {"seen": 0.3}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "personal (the default)": ("home", {}),
    "personal + mmr 0.3": ("home", {"diversity": MMR}),
    "personal + seen 0.3": ("home", {"diversity": SEEN}),
    "ranked": ("ranked", {}),
    "ranked + mmr 0.3": ("ranked", {"diversity": MMR}),
    "ranked + seen 0.3": ("ranked", {"diversity": SEEN}),
    "ranked + mmr 0.3 + seen 0.3": ("ranked", {"diversity": {**MMR, **SEEN}}),
}


@dataclass
class Played:
    """What one way of making lists achieved: the tally, and clicks and purchases by visit."""

    tally: Tally
    clicks: list[int] = field(default_factory=list)
    purchases: list[int] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Maker:
    """A project that shoppers use: its lists, and every event of theirs."""

    hg: Honeyguide
    clock: ManualClock
    asked: dict[str, Any]
    world: World

    def visit(self, shop: Shop, session: Session, played: Played) -> None:
        """One visit, from the first list to the till."""
        self.clock.ms = max(self.clock.ms + 1, session.at)
        visit = self.world.visit(session)
        report = Reporter(visit, str(self.asked["surface"]))
        self.tell(report.ratings(visit.ratings()))
        for _ in range(visit.pages):
            begun = time.perf_counter()
            slate = self.hg.recommend(visit.user_id, N, explore=False, **self.asked)
            played.seconds += time.perf_counter() - begun
            rows = [shop.item_number[item.item_id] for item in slate.items]
            reaction = visit.see(rows, slate.request_id)
            played.tally.saw(rows, reaction)
            self.clock.advance(20)
            self.tell(report.seen(rows, reaction, slate.request_id))
        bought = visit.leave()
        played.tally.bought(bought)
        self.tell(report.bought(bought))

    def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """The shop hears of it."""
        if events and self.hg.ingest(events).rejected:
            raise RuntimeError("an event of a shopper was refused")


def settings(data_dir: Path) -> Settings:
    """Two surfaces: the default, and one with a ranker."""
    surfaces = [Surface(name="home"), Surface(name="ranked", recipe="ranked")]
    return Settings(project=Project(data_dir=data_dir), surfaces=surfaces)


def prepared(shop: Shop, data_dir: Path) -> tuple[str, list[str], dict[int, set[int]], Any]:
    """A project with the shop's past, trained: the champion, notes, what users have, and popularity at the opening."""
    with Honeyguide.open(settings(data_dir), clock=ManualClock(shop.opened_at)) as hg:
        hg.ingest(shop.item_rows(), "items")
        hg.ingest(shop.user_rows(), "users")
        hg.ingest(history(shop), "events")
        report = hg.train()
        past = hg.runtime.store.log.interactions()
    return report.champion, list(report.notes), owned(shop, past), popularity(shop, past)


def play(shop: Shop, trained: Path, asked: dict[str, Any], sessions: Sequence[Session], has: Any) -> Played:
    """Every visit once, on a copy of the project that is there for them alone."""
    played, clock = Played(Tally(shop)), ManualClock(shop.opened_at)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        shutil.copytree(trained, folder)
        with Honeyguide.open(settings(folder), clock=clock) as hg:
            maker = Maker(hg, clock, asked, World(shop, owned=has))
            for session in sessions:
                clicks, purchases = played.tally.clicks, played.tally.purchases
                maker.visit(shop, session, played)
                played.clicks.append(played.tally.clicks - clicks)
                played.purchases.append(played.tally.purchases - purchases)
    return played


def play_references(shop: Shop, makers: Mapping[str, ListMaker], sessions: Sequence[Session], has: Any) -> dict[str, Played]:
    """The same for makers that need no server."""
    found = {}
    for name, make in makers.items():
        world, played = World(shop, owned=has), Played(Tally(shop))
        for session in sessions:
            clicks, purchases = played.tally.clicks, played.tally.purchases
            world.play(session, make, N, played.tally)
            played.clicks.append(played.tally.clicks - clicks)
            played.purchases.append(played.tally.purchases - purchases)
        found[name] = played
    return found


def lift(mine: Sequence[int], theirs: Sequence[int]) -> str:
    """By how much more is clicked, with the 95 % interval of a bootstrap over visits."""
    own, other = np.array(mine, np.float64), np.array(theirs, np.float64)
    chosen = np.random.default_rng(SEED).integers(0, len(own), (DRAWS, len(own)))
    ratios = own[chosen].sum(axis=1) / np.maximum(other[chosen].sum(axis=1), 1.0) - 1
    low, high = np.quantile(ratios, [0.025, 0.975])
    return f"{own.sum() / max(other.sum(), 1.0) - 1:+.1%} ({low:+.1%} to {high:+.1%})"


def row(name: str, played: Played, best: Played) -> dict[str, Any]:
    """A line of the table."""
    tally = played.tally
    return {
        "lists": name,
        "CTR": f"{tally.ctr:.2%}",
        "conversion": f"{tally.conversion:.2%}",
        "clicks against the best single model": "" if played is best else lift(played.clicks, best.clicks),
        "purchases": "" if played is best else lift(played.purchases, best.purchases),
        "coverage": f"{tally.coverage:.1%}",
        "diversity": f"{tally.diversity:.3f}",
        "ms": f"{played.seconds * 1000 / tally.lists:.1f}" if played.seconds else "",
    }


def main() -> None:
    """Train once, let everybody shop, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=200)
    asked = parser.parse_args()
    shop = make_shop(seed=SEED)
    sessions = list(islice(arrivals(shop, shop.opened_at), asked.visits))
    singles = {f"{model} alone": {"surface": "home", "model": f"{model}@1", "recipe": ALONE} for model in MODELS}
    recipes = {label: {"surface": surface, "recipe": changes} for label, (surface, changes) in VARIANTS.items()}
    with tempfile.TemporaryDirectory() as name:
        trained = Path(name)
        champion, notes, has, popular = prepared(shop, trained)
        played = {label: play(shop, trained, fields, sessions, has) for label, fields in {**singles, **recipes}.items()}
    beside = play_references(shop, references(shop, popular), sessions, has)
    best = max((played[single] for single in singles), key=lambda each: each.tally.ctr)
    report = Report(
        "shop",
        "The whole recipe on the synthetic shop",
        f"{len(sessions)} visits after the opening, {best.tally.lists:,} lists of {N}, the same for all; trained on the "
        f"30 days before ({champion} serves). Lists are made anew for each page, and know all that their shopper did. "
        "Popularity is that of the opening, without what the shopper has; the oracle knows the truth and fills one place "
        "after another.",
    )
    report.table("Made without honeyguide", [row(name, each, best) for name, each in beside.items()])
    report.table("Single models, as they are", [row(name, played[name], best) for name in singles])
    report.table("Recipes", [row(name, played[name], best) for name in recipes])
    report.notes += notes
    report.write()


if __name__ == "__main__":
    main()
