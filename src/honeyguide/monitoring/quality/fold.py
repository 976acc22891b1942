"""Served lists and events of a stretch of time -> a tally for each slice of them."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.config.quality import Quality
from honeyguide.lists import diversity, novelty
from honeyguide.monitoring.quality.outcomes import Outcomes
from honeyguide.monitoring.quality.spread import Spread, bins_of, registers_of, spread_of
from honeyguide.monitoring.quality.tally import MISSING, Tally
from honeyguide.protocols.quality import Slice
from honeyguide.types import BoolArray, IntArray, LogRow, LongArray, ServedSlate

NEW_MS: Final = 7 * 86_400_000
"""Items younger than this are new."""
PAIRS: Final = 1000
_HITS: Final = frozenset({"l1", "l2", "stale", "stale-error"})
_WARM: Final = frozenset({"personal", "session", "similar"})
PREDICTED: Final = "click_rate_30d"
"""The feature that says how likely a click on an item was thought to be."""
Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class World:
    """What is known of the items: columns by number, `known_to` users of `n_users` having an item in their past.

    `tail` are the items that are not among the fifth that most users have, `consumed` the mean of `known_to` over what users
    chose themselves."""

    numbers: Mapping[str, int]
    categories: IntArray
    created_at: LongArray
    eligible: BoolArray
    known_to: LongArray
    n_users: int
    tail: BoolArray
    consumed: float


def slices_of(slate: ServedSlate) -> Iterable[Slice]:
    """The slices that a list belongs to: all, its surface, and of that its arm and model; its model on all surfaces."""
    yield Slice()
    yield Slice(slate.surface)
    yield Slice(slate.surface, "", slate.model)
    yield Slice("", "", slate.model)
    if slate.arm:
        yield from (Slice(slate.surface, arm) for arm in slate.arm.split(","))


def sampled(request_id: str, one_of: int) -> bool:
    """Whether a list is looked at where only one of so many is; the same lists every time."""
    return one_of <= 1 or zlib.crc32(request_id.encode()) % one_of == 0


def fold(
    slates: Sequence[ServedSlate], events: Sequence[LogRow], world: World, rules: Quality, seed: int
) -> dict[Slice, Tally]:
    """The tally of each slice of these lists. `events` are those that may belong to them, `seed` draws pairs of users."""
    facts = Facts(slates, Outcomes(slates, events, rules), world, rules.k)
    members: dict[Slice, list[int]] = {}
    for number, slate in enumerate(slates):
        for each in slices_of(slate):
            members.setdefault(each, []).append(number)
    tallies = {each: facts.tally(np.array(numbers), seed) for each, numbers in members.items()}
    if Slice() in tallies:
        whole = tallies[Slice()]
        whole.features, whole.lag = _features(slates), _lags(events)
        facts.predictions(whole)
        for each, tally in tallies.items():
            if each.model and not each.surface:
                tally.scores = {each.model: _scores([slates[number] for number in members[each]])}
    return tallies


class Facts:
    """One row per list and one per (list, item) that was shown, from which the tallies of slices are sums."""

    def __init__(self, slates: Sequence[ServedSlate], outcomes: Outcomes, world: World, k: int) -> None:
        self.slates, self.world, self.outcomes, self._k = slates, world, outcomes, k
        find = world.numbers.get
        self.lists = np.full((len(slates), k), -1, np.int32)
        of, place, item, acts = [], [], [], []
        for number, slate in enumerate(slates):
            first = [find(each, -1) for each in slate.items[:k]]
            self.lists[number, : len(first)] = first
            for at in outcomes.shown(number):
                pair = (number, at)
                of.append(number)
                place.append(at + 1)
                item.append(find(slate.items[at], -1))
                converted = outcomes.converted.get(pair)
                known = at in outcomes.seen.get(number, ())
                acts.append(
                    (pair in outcomes.clicked, converted is not None, converted or 0.0, pair in outcomes.carted, known)
                )
        self.of, self.place, self.item = (np.array(each, np.int64) for each in (of, place, item))
        self.acts = np.array(acts, np.float64).reshape(-1, 5)
        self.sizes = (self.lists >= 0).sum(axis=1)
        self.diversity = diversity(self.lists, world.categories)
        self.entropy = entropy(self.lists, world.categories)
        self.novelty = novelty(self.lists, world.known_to, world.n_users)
        self.took = np.array([slate.took for slate in slates], np.float64) / 1e6
        self.ages = np.array([max(0, slate.ts - slate.computed_at) / 1000 for slate in slates])
        self.hits = np.array([slate.served_from in _HITS for slate in slates], bool)

    def tally(self, numbers: Numbers, seed: int) -> Tally:
        """The sums over some of the lists."""
        slates, world = [self.slates[number] for number in numbers], self.world
        inside = np.zeros(len(self.slates), bool)
        inside[numbers] = True
        pairs = inside[self.of] if len(self.of) else np.zeros(0, bool)
        acts, items = self.acts[pairs], self.item[pairs]
        known = items[items >= 0]
        full, varied = numbers[self.sizes[numbers] > 0], numbers[self.sizes[numbers] > 1]
        popularity = world.known_to[known].sum() if len(known) else 0
        created = np.array([slate.ts for slate in self.slates])[self.of[pairs][items >= 0]] - world.created_at[known]
        new = (created >= 0) & (created < NEW_MS) & (world.created_at[known] > 0)
        overlap, drawn = self.overlap(numbers, seed)
        return Tally(
            requests=len(numbers),
            seen_lists=len(numbers),
            shown=len(items),
            seen=int(acts[:, 4].sum()),
            clicks=int(acts[:, 0].sum()),
            conversions=int(acts[:, 1].sum()),
            revenue=float(acts[:, 2].sum()),
            carts=int(acts[:, 3].sum()),
            hits=int(self.hits[numbers].sum()),
            fallbacks=sum(slate.served_from == "fallback" for slate in slates),
            degraded=sum(bool(slate.degraded) for slate in slates),
            cold_lists=sum(slate.rung not in _WARM for slate in slates),
            lists=len(full),
            varied=len(varied),
            diversity_sum=float(self.diversity[varied].sum()),
            diversity_squares=float((self.diversity[varied] ** 2).sum()),
            entropy_sum=float(self.entropy[full].sum()),
            novelty_sum=float(self.novelty[full].sum()),
            novelty_squares=float((self.novelty[full] ** 2).sum()),
            popularity_sum=float(popularity),
            consumed_sum=world.consumed * len(known),
            overlap_sum=overlap,
            overlap_pairs=drawn,
            tail_shown=int(world.tail[known].sum()),
            cold_shown=int((world.known_to[known] == 0).sum()),
            new_shown=int(new.sum()),
            users=registers_of(slate.user_id for slate in slates if slate.user_id),
            latency=spread_of(self.took[numbers][self.took[numbers] > 0]),
            age=spread_of(self.ages[numbers][self.hits[numbers]]),
            shown_at=_counted(self.place[pairs]),
            clicked_at=_counted(self.place[pairs][acts[:, 0] > 0]),
            exposures=self._exposures(pairs),
            young=self._young(pairs),
        )

    def overlap(self, numbers: Numbers, seed: int) -> tuple[float, int]:
        """The summed overlap of the last lists of random pairs of users, and how many pairs."""
        last = {
            self.slates[number].user_id: number for number in numbers if self.sizes[number] and self.slates[number].user_id
        }
        rows = np.array([last[user] for user in sorted(last)], dtype=np.int64)
        if len(rows) < 2:
            return 0.0, 0
        random = np.random.default_rng(seed)
        one = random.integers(0, len(rows), PAIRS)
        other = (one + random.integers(1, len(rows), PAIRS)) % len(rows)
        left, right = self.lists[rows[one]], self.lists[rows[other]]
        common = ((left[:, :, None] == right[:, None, :]) & (left >= 0)[:, :, None]).any(axis=2).sum(axis=1)
        longest = np.maximum(self.sizes[rows[one]], self.sizes[rows[other]])
        return float((common / longest).sum()), PAIRS

    def predictions(self, whole: Tally) -> None:
        """Count into the tally what was predicted of the places that were shown, and what came of it."""
        found: dict[int, tuple[int, float, int]] = {}
        for number, at in zip(self.of.tolist(), (self.place - 1).tolist(), strict=True):
            features = self.slates[number].features
            values = features.items.get(PREDICTED) if features is not None else None
            value = values[at] if values is not None and at < len(values) else None
            if value is not None and 0 < value < 1:
                key = int(bins_of(np.array([value]))[0])
                n, p, y = found.get(key, (0, 0.0, 0))
                found[key] = (n + 1, p + value, y + ((number, at) in self.outcomes.clicked))
        whole.predicted = found

    def _exposures(self, pairs: BoolArray) -> dict[str, int]:
        found: dict[str, int] = {}
        for number, place in zip(self.of[pairs].tolist(), self.place[pairs].tolist(), strict=True):
            if place <= self._k:
                item = self.slates[number].items[place - 1]
                found[item] = found.get(item, 0) + 1
        return found

    def _young(self, pairs: BoolArray) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        known = pairs & (self.item >= 0)
        for number, place, row in zip(
            self.of[known].tolist(), self.place[known].tolist(), self.item[known].tolist(), strict=True
        ):
            slate, made = self.slates[number], int(self.world.created_at[row])
            if 0 <= slate.ts - made < NEW_MS:
                item = slate.items[place - 1]
                found[item] = min(found.get(item, (made, slate.ts)), (made, slate.ts), key=lambda pair: pair[1])
        return found


def entropy(lists: IntArray, categories: IntArray) -> Numbers:
    """Shannon entropy (bits) of the main categories of each list: float64 [n], 0 for lists of one category."""
    if not len(lists) or not len(categories):
        return np.zeros(len(lists))
    main = np.where(lists >= 0, categories[lists, 0], -1)
    same = (main[:, :, None] == main[:, None, :]) & (main >= 0)[:, :, None] & (main >= 0)[:, None, :]
    alike, sizes = same.sum(axis=2), (main >= 0).sum(axis=1)
    share = alike / np.maximum(sizes, 1)[:, None]
    bits = np.where(alike > 0, -np.log2(np.where(alike > 0, share, 1.0)), 0.0)
    return np.asarray(bits.sum(axis=1) / np.maximum(sizes, 1))


def _counted(values: Numbers) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _features(slates: Sequence[ServedSlate]) -> dict[str, Spread]:
    """How the logged features of these lists are spread, by `user.NAME` and `item.NAME`; what is no number is left out."""
    values: dict[str, list[Any]] = {}
    for slate in slates:
        if slate.features is not None:
            for name, value in slate.features.user.items():
                values.setdefault(f"user.{name}", []).append(value)
            for name, many in slate.features.items.items():
                values.setdefault(f"item.{name}", []).extend(many)
    spreads = {name: _with_missing(found) for name, found in values.items()}
    return {name: spread for name, spread in spreads.items() if spread is not None}


def _with_missing(found: Sequence[Any]) -> Spread | None:
    numbers = [float(value) for value in found if isinstance(value, int | float) and np.isfinite(value)]
    missing = sum(value is None or (isinstance(value, float) and not np.isfinite(value)) for value in found)
    if len(numbers) + missing < len(found) or not numbers:
        return None
    return spread_of(np.array(numbers)) | ({MISSING: missing} if missing else {})


def _scores(slates: Sequence[ServedSlate]) -> Spread:
    found = [score for slate in slates if slate.features is not None for score in slate.features.scores]
    return spread_of(np.array(found)) if found else {}


def _lags(events: Sequence[LogRow]) -> Spread:
    lags = [max(0, event.received_at - event.ts) / 1000 for event in events if not event.imported]
    return spread_of(np.array(lags)) if lags else {}
