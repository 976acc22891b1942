"""A search on a clock that the tests move: what it tries, what it chooses, when it ends, and how it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import log10
from typing import Any

import numpy as np
import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import InvalidInput, NotEnoughData
from honeyguide.offline.splits import by_time
from honeyguide.train import spaces
from honeyguide.train.bench import Plan
from honeyguide.train.search import Choice, InMemory, search
from honeyguide.train.spaces import OneOf, Range, Space
from honeyguide.train.trials import Finished
from honeyguide.types import FloatArray, Histories, Interactions, Json

ITEMS = 30
SPACES: dict[str, Space] = {
    "popular": {},
    "knn": {"users": Range(0.0, 1.0), "k": Range(10, 500)},
    "ease": {"l2": Range(5.0, 5_000.0, by_log=True), "power": OneOf((0.0, 0.25, 0.5, 1.0))},
}


@pytest.fixture(autouse=True)
def _own_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of the models, which change as models do."""
    monkeypatch.setattr(spaces, "SPACES", SPACES)


def walks(users: int = 200, steps: int = 8) -> Interactions:
    """Each user walks along a ring of items: the next one is always one more than the last."""
    generator = np.random.default_rng(1)
    start = generator.integers(0, ITEMS, users)
    items = ((start[:, None] + np.arange(steps)) % ITEMS).ravel().astype(np.int32)
    who = np.repeat(np.arange(users, dtype=np.int32), steps)
    ts = np.tile(np.arange(steps, dtype=np.int64), users)
    return Interactions(who, items, np.ones(len(who), np.float32), ts, users, ITEMS)


def ease_quality(params: Mapping[str, Any]) -> float:
    """Best at an l2 of 1,000; the default of 100 is worse."""
    return 0.9 - 0.2 * abs(log10(params["l2"]) - 3)


@dataclass
class Shop:
    """Fakes of two kinds of models that know the next item for a share of the users, and take time on the clock."""

    clock: ManualClock = field(default_factory=ManualClock)
    seconds: dict[str, float] = field(default_factory=lambda: {"popular": 0.1, "knn": 1.0, "ease": 2.0})
    quality: dict[str, Callable[[Mapping[str, Any]], float]] = field(
        default_factory=lambda: {"popular": lambda p: 0.1, "knn": lambda p: 0.4 + 0.1 * p["users"], "ease": ease_quality}
    )
    refuses: dict[str, Exception] = field(default_factory=dict)
    fits: list[tuple[str, Json, int]] = field(default_factory=list)

    def make(self, kind: str, params: Mapping[str, Any]) -> Any:
        """An untrained fake."""
        defaults: dict[str, Json] = {"popular": {}, "knn": {"users": 0.5, "k": 200}, "ease": {"l2": 100.0, "power": 0.5}}
        defaults["blend"] = {"parts": {"knn": {}}}
        return Fake(self, kind, defaults[kind] | dict(params))

    def plan(self, budget: float = 100.0, **fields: Any) -> Plan:
        """Search among all three."""
        return Plan(kinds=["ease", "popular", "knn"], budget=budget, k=3, make=self.make, **fields)

    def search(self, budget: float = 100.0, data: Interactions | None = None, **fields: Any) -> Choice:
        """A search on a small shop."""
        log = fields.pop("log", None)
        progress = fields.pop("progress", None)
        return search(data or walks(), self.plan(budget, **fields), self.clock, log=log, progress=progress)


@dataclass
class Fake:
    """A model that is as good as it is told to be."""

    shop: Shop
    name: str
    own: Json

    def params(self) -> Json:
        return dict(self.own)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Any = None) -> "Fake":
        if self.name in self.shop.refuses:
            raise self.shop.refuses[self.name]
        self.shop.fits.append((self.name, self.own, len(interactions.users)))
        for share in (0.5, 1.0):
            self.shop.clock.advance(self.shop.seconds[self.name] * len(interactions.users) / 1_200 / 2)
            if progress:
                progress(share)
        return self

    def scores(self, histories: Histories) -> FloatArray:
        found = np.zeros((len(histories), ITEMS), dtype=np.float32)
        last = histories.items[histories.indptr[1:] - 1]
        known = last * 37 % 100 < 100 * self.shop.quality[self.name](self.own)
        found[np.flatnonzero(known), (last[known] + 1) % ITEMS] = 1.0
        return found


def labels(choice: Choice) -> list[tuple[str, str]]:
    return [(trial.kind, trial.origin) for trial in choice.trials]


def test_it_begins_with_the_defaults_the_cheap_ones_first() -> None:
    choice = Shop().search()
    assert labels(choice)[:3] == [("popular", "default"), ("knn", "default"), ("ease", "default")]
    assert {origin for _, origin in labels(choice)} == {"default", "drawn", "near the best"}


def test_it_finds_better_hyper_parameters_than_the_defaults() -> None:
    choice = Shop().search()
    assert choice.best.kind == "ease"
    assert 300 < choice.best.params["l2"] < 3_000
    assert choice.default is not None
    assert choice.default.params["l2"] == 100.0
    assert choice.best.score > choice.default.score
    assert choice.runner_up is not None
    assert choice.runner_up.kind == "knn"
    assert choice.users == 200


def test_it_never_ends_below_the_defaults() -> None:
    shop = Shop()
    shop.quality["ease"] = lambda params: 0.9 if params["l2"] == 100.0 else 0.1
    choice = shop.search()
    assert choice.best.params == choice.default.params if choice.default else False
    assert choice.best.origin == "default"


def test_popularity_is_chosen_only_where_there_is_nothing_else() -> None:
    shop = Shop()
    shop.quality["popular"] = lambda params: 1.0
    assert shop.search().best.kind != "popular"
    alone = search(walks(), replace(shop.plan(), kinds=["popular"]), shop.clock)
    assert (alone.best.kind, alone.runner_up) == ("popular", None)


def test_the_same_seed_finds_the_same_and_another_one_tries_others() -> None:
    one, two, other = Shop().search(seed=3), Shop().search(seed=3), Shop().search(seed=4)
    assert one == two
    assert [trial.params for trial in one.trials] != [trial.params for trial in other.trials]


def test_no_trial_is_tried_twice() -> None:
    shop = Shop()
    shop.search(1_000.0)
    assert len({(kind, str(sorted(params.items()))) for kind, params, _ in shop.fits}) == len(shop.fits) - 0


# --- the budget -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [5.0, 8.0, 13.0])
def test_it_keeps_to_the_budget(budget: float) -> None:
    shop = Shop()
    shop.quality["ease"] = lambda params: min(0.9, params["l2"] / 10_000)  # there is always something better to find
    started = shop.clock.monotonic()
    choice = shop.search(budget)
    assert shop.clock.monotonic() - started <= budget
    assert choice.ended == "nothing more fitted into the budget"
    assert sum(trial.seconds for trial in choice.trials) == pytest.approx(shop.clock.monotonic() - started, rel=0.01)


def test_more_budget_means_more_trials() -> None:
    counts = [len(Shop().search(budget).trials) for budget in (4.0, 8.0, 16.0)]
    assert counts == sorted(set(counts))


def test_time_is_left_for_what_comes_after_it() -> None:
    shop = Shop()
    started = shop.clock.monotonic()
    shop.search(30.0, refits=2.5, used=1.0)
    spent = shop.clock.monotonic() - started
    assert spent + 1.0 + 2.5 * (2.0 + 1.0) <= 30.0


def test_a_trial_that_takes_too_long_is_cut_off_and_named() -> None:
    shop = Shop(seconds={"popular": 0.1, "knn": 0.1, "ease": 1_000.0})
    choice = shop.search(10.0)
    assert choice.best.kind == "knn"
    assert choice.left_out == {"ease": "it took more than was left of the budget"}


def test_popularity_and_one_model_are_tried_whatever_the_budget() -> None:
    choice = Shop().search(0.001, used=5.0)
    assert labels(choice) == [("popular", "default"), ("knn", "default")]
    assert choice.best.kind == "knn"
    assert choice.left_out == {"ease": "the budget was too small"}


def test_it_ends_early_when_nothing_gets_better() -> None:
    shop = Shop()
    shop.quality |= {"ease": lambda params: 0.5, "knn": lambda params: 0.5}
    choice = shop.search(100_000.0)
    assert choice.ended == "6 rounds brought nothing better"


# --- rungs ----------------------------------------------------------------------------------------------------------------


def test_large_data_is_climbed_by_rungs() -> None:
    shop = Shop()
    choice = shop.search(100_000.0, data=walks(users=130_000, steps=4))
    by_rung = {rung: [t for t in choice.trials if t.rung == rung] for rung in range(3)}
    assert [len(by_rung[rung]) for rung in range(3)] == sorted((len(by_rung[rung]) for rung in range(3)), reverse=True)
    assert {trial.kind for trial in by_rung[2] if trial.origin == "default"} == {"popular", "knn", "ease"}
    assert choice.best.rung == 2
    assert choice.users == 5_000
    assert choice.best.score > 0.75


def test_large_data_and_a_small_budget_choose_on_a_part() -> None:
    shop = Shop()
    data = walks(users=130_000, steps=4)
    started = shop.clock.monotonic()
    choice = shop.search(100.0, data=data)
    assert choice.best.rung < 2
    assert choice.best.kind == "ease"
    assert shop.clock.monotonic() - started <= 100.0


# --- a blend --------------------------------------------------------------------------------------------------------------


def blending(budget: float, shop: Shop | None = None) -> Choice:
    """A search that may blend, where a blend is a little better than its best part."""
    shop = shop or Shop()
    shop.quality["blend"] = lambda params: 0.05 + max(shop.quality[kind](own) for kind, own in params["parts"].items())
    shop.seconds["blend"] = 6.0
    plan = replace(shop.plan(budget), kinds=["blend", "ease", "knn", "popular"])
    return search(walks(), plan, shop.clock)


def test_a_blend_is_made_of_the_best_of_each_model_and_again_at_the_end() -> None:
    choice = blending(400.0)
    blends = [trial for trial in choice.trials if trial.kind == "blend"]
    assert [trial.origin for trial in blends] == ["blended", "blended"]
    assert choice.trials[3] == blends[0]
    assert blends[0].params["parts"] == {kind: Shop().make(kind, {}).params() for kind in ("ease", "knn")}
    assert choice.trials[-1] == blends[1] == choice.best
    assert blends[1].params["parts"] == {kind: choice.by_model[kind].params for kind in ("ease", "knn")}
    assert choice.runner_up == choice.by_model["ease"]


def test_time_for_the_last_blend_is_left_where_the_first_one_was_the_best() -> None:
    shop = Shop()
    shop.quality["ease"] = lambda params: 0.5 if params["l2"] == 100.0 else 0.8  # whatever is tried first is better
    choice = blending(30.0, shop)
    assert [trial.kind for trial in choice.trials].count("blend") == 2
    assert choice.best == choice.trials[-1]
    assert sum(trial.seconds for trial in choice.trials) <= 30.0


def test_a_blend_that_does_not_fit_is_not_begun() -> None:
    choice = blending(8.0)
    assert choice.left_out == {"blend": "the budget was too small"}


def test_a_blend_alone_has_its_own_parts() -> None:
    shop = Shop()
    shop.quality["blend"] = lambda params: 0.5
    shop.seconds["blend"] = 6.0
    choice = search(walks(), replace(shop.plan(100.0), kinds=["blend", "popular"]), shop.clock)
    assert choice.best.params == {"parts": {"knn": {}}}


# --- going on -------------------------------------------------------------------------------------------------------------


def test_a_search_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been() -> None:
    whole = Shop().search(40.0)
    shop, log = Shop(), InMemory()
    calls = 0

    def stop(stage: str, share: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.search(40.0, log=log, progress=stop)
    before = len(shop.fits)
    assert 0 < len(log.records) < len(whole.trials)
    again = shop.search(40.0, log=log)
    assert again == whole
    assert len(shop.fits) == len(whole.trials) + 1  # only what was under way is tried again
    assert len(shop.fits) > before


def test_the_same_search_again_tries_nothing_and_more_budget_goes_on() -> None:
    shop, log = Shop(), InMemory()
    first = shop.search(20.0, log=log)
    tried = len(shop.fits)
    assert shop.search(20.0, log=log) == first
    assert len(shop.fits) == tried
    more = shop.search(40.0, log=log)
    assert more.trials[: len(first.trials)] == first.trials
    assert len(shop.fits) == len(more.trials) > tried


def test_what_cannot_be_read_is_tried_again() -> None:
    shop, log = Shop(), InMemory()
    log.records += [{"kind": "knn"}, {"anything": 1}, {"kind": "knn", "params": {}, "rung": 0, "origin": "default", "x": 1}]
    assert shop.search(20.0, log=log) == Shop().search(20.0)


def test_it_begins_with_what_was_best_the_last_time() -> None:
    shop = Shop()
    warm = {"ease": {"l2": 1_000.0}, "unknown": {"x": 1}}
    choice = shop.search(12.0, warm=warm)
    after_defaults = choice.trials[3]
    assert (after_defaults.kind, after_defaults.origin) == ("ease", "last search")
    assert after_defaults.params == {"l2": 1_000.0, "power": 0.5}
    assert choice.best == after_defaults


def test_the_configured_hyper_parameters_are_the_defaults() -> None:
    choice = Shop().search(5.0, base={"ease": {"l2": 2_000.0}})
    assert next(trial for trial in choice.trials if trial.kind == "ease").params["l2"] == 2_000.0


# --- trouble --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InvalidInput("It needs 9 GB of memory; 3 are free.", cure="Leave it out."), "needs 9 GB"),
        (MemoryError(), "ran out of memory"),
    ],
)
def test_a_model_that_does_not_fit_into_memory_is_left_out_and_named(error: Exception, told: str) -> None:
    choice = Shop(refuses={"ease": error}).search()
    assert told in choice.left_out["ease"]
    assert choice.best.kind == "knn"
    assert len([trial for trial in choice.trials if trial.kind == "ease"]) == 1


def test_nothing_that_can_be_fitted_says_why() -> None:
    refuses: dict[str, Exception] = dict.fromkeys(("knn", "ease", "popular"), InvalidInput("No.", cure="x"))
    with pytest.raises(NotEnoughData, match=r"No model could be fitted.*ease: No\."):
        Shop(refuses=refuses).search()


def test_a_validation_part_without_users_says_what_it_takes() -> None:
    one_each = replace(walks(steps=1), ts=np.arange(200, dtype=np.int64))
    with pytest.raises(NotEnoughData, match="three items"):
        Shop().search(data=one_each)


def test_data_without_times_is_split_at_random_and_with_times_by_time() -> None:
    shop = Shop()
    timeless = replace(walks(), ts=np.zeros(1_600, np.int64))
    shop.search(5.0, data=timeless)
    shop.search(5.0, split=lambda data: by_time(data, 0.5))
    sizes = [rows for _, _, rows in shop.fits]
    assert sizes[0] == 1_400
    assert sizes[-1] == 800


def test_progress_says_what_is_tried_and_what_is_best() -> None:
    told: list[tuple[str, float]] = []
    Shop().search(progress=lambda stage, share: told.append((stage, share)))
    assert told[0] == ("search · popular, 0 tried", 0.0)
    assert "best so far ease 0." in told[-1][0]
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0


def test_a_trial_knows_what_it_took() -> None:
    trial = Finished(kind="knn", params={}, rung=0, origin="default", fit_seconds=1.5, evaluate_seconds=0.5)
    assert trial.seconds == 2.0
