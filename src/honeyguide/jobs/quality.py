"""Measures how good the lists are: the leader's job.

Every hour is folded from its served lists and their events; again while it lasts, and when the windows in which clicks and
conversions count have passed. A fold replaces what was there, so it may be broken off and repeated. Days are sums of hours.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from honeyguide.clock import Clock
from honeyguide.config import Settings
from honeyguide.features.item_block import ItemBlock
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.fold import World, fold, sampled, slices_of
from honeyguide.monitoring.quality.gauges import QualityGauges
from honeyguide.monitoring.quality.measures import measured
from honeyguide.monitoring.quality.outcomes import CART
from honeyguide.monitoring.quality.report import DAY, HOUR, Reports
from honeyguide.monitoring.quality.tally import TALLY, Tally, decoded, merged
from honeyguide.protocols import Store
from honeyguide.protocols.quality import Period, QualityRow, Slice
from honeyguide.types import LogRow, LongArray, ServedSlate

REACH: Final = 8 * DAY
"""Hours are made up for that far back, and their tallies kept; those of days are kept four times as long."""
_EACH_ROUND: Final = 48
_ITEMS_EVERY: Final = 600.0
_KNOWN_EVERY: Final = 3600.0
_REST: Final = 10
"""The present hour is folded again after so many times what folding it took."""


class QualityMonitors:
    """`load` reads all items into the block, in a process where nothing else does."""

    def __init__(
        self,
        store: Store,
        items: ItemBlock,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        *,
        load: Callable[[], None] | None = None,
    ) -> None:
        self._store, self._items, self._settings, self._clock, self._load = store, items, settings, clock, load
        self._rules = settings.quality
        self._metrics, self._gauges = metrics, QualityGauges(metrics)
        self._loaded_at = self._known_at = self._rested_at = float("-inf")
        self._known: tuple[LongArray, int, float] = (np.zeros(0, np.int64), 0, 0.0)

    async def round(self) -> None:
        """Fold what is due, and say how it is."""
        if self._clock.monotonic() < self._rested_at:
            return
        begun = self._clock.monotonic()
        await asyncio.to_thread(self.work)
        took = self._clock.monotonic() - begun
        self._rested_at = begun + _REST * took

    def work(self, *, most: int = _EACH_ROUND, since: int | None = None) -> int:
        """Fold the hours that are due, newest first, at most so many; all from `since` (ms) on, due or not, if it is given.
        Returns how many."""
        now = self._clock.now_ms()
        hours = list(self._due(now) if since is None else _hours(since, now))[:most]
        world = self._world(now) if hours else None
        for hour in hours:
            assert world is not None
            self._fold(hour, world, now)
        days = sorted({hour - hour % DAY for hour in hours})
        for day in days:
            self._add_up(day, now)
        self._expire(now)
        self._gauges.show(
            Reports(self._store.quality, self._settings),
            self.eligible(),
            now,
            self._store.registry.aliases().get("champion"),
        )
        self._metrics.quality_last_computed.labels("lists").set(now / 1000)
        return len(hours)

    def eligible(self) -> Collection[str]:
        """The items that may be shown."""
        blocked = self._items.blocked
        return {item for item, out in zip(self._items.ids, blocked.tolist(), strict=False) if not out}

    def _due(self, now: int) -> Iterator[int]:
        """Hours to be folded, newest first."""
        done = self._store.quality.computed("hour", since=now - REACH - HOUR, until=now + 1)
        first = self._first_list(now)
        windows = (0.0, self._rules.click_window, self._rules.conversion_window / 4, self._rules.conversion_window)
        for hour in _hours(max(now - REACH, first), now):
            steps = [hour + HOUR + round(1000 * each) for each in windows]
            last = max((step for step in steps if step <= now), default=now)
            if hour not in done or done[hour] < last:
                yield hour

    def _first_list(self, now: int) -> int:
        """The moment of the first list that is there."""
        for _, slate in (pair for batch in self._store.slates.scan() for pair in batch):
            return slate.ts
        return now

    def _fold(self, hour: int, world: World, now: int) -> None:
        counts, lists = self._lists(hour)
        events = list(self._events(hour)) if lists else []
        tallies = fold(lists, events, world, self._rules, seed=hour // HOUR) or {Slice(): Tally()}
        for each, tally in tallies.items():
            tally.requests = counts.get(each, 0)
        self._keep("hour", hour, tallies, now)

    def _lists(self, hour: int) -> tuple[Mapping[Slice, int], list[ServedSlate]]:
        """How many lists each slice has, and those that are looked at."""
        counts, kept, one_of = Counter[Slice](), list[ServedSlate](), 1
        for batch in self._store.slates.served(since=hour, until=hour + HOUR):
            for slate in batch:
                counts.update(slices_of(slate))
            kept += [slate for slate in batch if sampled(slate.request_id, one_of)]
            while len(kept) > self._rules.most_lists:
                one_of *= 2
                kept = [slate for slate in kept if sampled(slate.request_id, one_of)]
        return counts, kept

    def _events(self, hour: int) -> Iterator[LogRow]:
        rules = self._rules
        soon, late = hour + HOUR + round(1000 * rules.click_window), hour + HOUR + round(1000 * rules.conversion_window)
        touches = {*rules.clicks, *rules.conversions, CART}
        for types, until in (({"impression"} - touches, soon), (touches, late)):
            for batch in self._store.log.happened(types, since=hour - HOUR, until=max(soon, until)):
                yield from batch

    def _add_up(self, day: int, now: int) -> None:
        tallies: dict[Slice, list[Tally]] = {}
        for row in self._store.quality.of(TALLY, "hour", since=day, until=day + DAY):
            tallies.setdefault(row.slice, []).append(decoded(row.detail or ""))
        self._keep("day", day, {each: merged(found) for each, found in tallies.items()}, now)

    def _keep(self, period: Period, starts_at: int, tallies: Mapping[Slice, Tally], now: int) -> None:
        eligible, rows = self.eligible(), list[QualityRow]()
        for each, tally in tallies.items():
            row = partial(QualityRow, period=period, starts_at=starts_at, slice=each, computed_at=now)
            rows.append(row(metric=TALLY, n=tally.requests, detail=tally.encode()))
            found = measured(tally, eligible).items() if tally.requests else ()
            rows += [row(metric=name, **figure._asdict()) for name, figure in found if figure.value is not None]
        self._store.quality.replace(period, starts_at, rows)

    def _expire(self, now: int) -> None:
        table = self._store.quality
        table.expire("hour", now - REACH - DAY, TALLY)
        table.expire("day", now - 4 * REACH - DAY, TALLY)
        table.expire("hour", now - round(1000 * self._rules.keep))
        table.expire("day", now - round(1000 * self._rules.keep))

    def _world(self, now: int) -> World:
        """The items as they are now, and who had them as of the version that serves."""
        moment, block = self._clock.monotonic(), self._items
        if self._load is not None and moment - self._loaded_at >= _ITEMS_EVERY:
            self._load()
            self._loaded_at = moment
        if moment - self._known_at >= _KNOWN_EVERY or len(self._known[0]) < len(block):
            self._known, self._known_at = self._popularity(), moment
        known_to, users, consumed = self._known
        eligible = ~block.blocked[: len(known_to)]
        tail = np.ones(len(known_to), bool)
        popular = np.argsort(-np.where(eligible, known_to, -1), kind="stable")[: int(eligible.sum()) // 5]
        tail[popular] = False
        return World(
            numbers={item: row for item, row in block.numbers.items() if row < len(known_to)},
            categories=block.categories[: len(known_to)],
            created_at=block.created_at[: len(known_to)],
            eligible=eligible,
            known_to=known_to,
            n_users=users,
            tail=tail,
            consumed=consumed,
        )

    def _popularity(self) -> tuple[LongArray, int, float]:
        """int64 [items]: how many users have each in their past as of the last training, of how many users, and the mean of
        it over what they have."""
        block, size = self._items, len(self._items)
        champion = self._store.registry.aliases().get("champion")
        types = [name for name, kind in self._settings.events.all_types().items() if kind.weight > 0 and not kind.negative]
        frame = self._store.log.interactions(until=champion.trained_through if champion else None)
        pairs = frame.filter(pl.col("type").is_in(types)).select("user_id", "item_id").unique()
        known_to = np.zeros(size, np.int64)
        for item, count in pairs.group_by("item_id").len().iter_rows():
            row = block.number(item)
            if 0 <= row < size:
                known_to[row] = count
        total = int(known_to.sum())
        return known_to, pairs["user_id"].n_unique(), float((known_to**2).sum() / total) if total else 0.0


def _hours(since: int, now: int) -> Iterator[int]:
    """The hours from the present one back to that of a moment."""
    hour = now - now % HOUR
    while hour > since - HOUR:
        yield hour
        hour -= HOUR
