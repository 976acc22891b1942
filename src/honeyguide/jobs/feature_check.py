"""Compares the features that lists were served with to what the log says of that moment: the leader's job.

A user's values are worked out again from the user's own events up to the log position of the list, an item's from one walk
through the log; no folded state is looked at. What comes out is a metric, and is kept beside the states.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from honeyguide.clock import Clock
from honeyguide.expressions.paths import at_path
from honeyguide.features.attributes import fields_of
from honeyguide.features.fold import by_subject
from honeyguide.features.plan import Plan
from honeyguide.features.read import read
from honeyguide.features.served import Replayed, agree
from honeyguide.features.state import state_of
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.types import FeatureCheck, Json, ServedFeatures, ServedSlate

_MOST_SLATES: Final = 200
_EXAMPLES: Final = 20
_FROM_THE_LOG: Final = "user-never-folded"
"""A group without states: what is read with it are the events alone."""

log = structlog.get_logger(__name__)

Compared = tuple[str, Any, Any]
"""A view, what was served, what the log says."""


class FeatureComparison:
    """Looks at the slates with features that were stored since the last look; the latest, if there are very many."""

    def __init__(self, store: Store, plans: Mapping[str, Plan], clock: Clock, metrics: Metrics) -> None:
        self._store, self._users, self._items = store, plans["user"], plans["item"]
        self._clock, self._metrics = clock, metrics

    async def round(self) -> None:
        """Compare, count, and keep the result."""
        before = await asyncio.to_thread(self._store.features.checked)
        slates, sequence = await asyncio.to_thread(self._sampled, before.sequence)
        found: list[tuple[str, Compared]] = []
        for slate, features in slates:
            found += [(slate.request_id, each) for each in await self._of_user(slate, features)]
        found += await asyncio.to_thread(self._of_items, slates)
        check = self._summed(before, found, sequence)
        await asyncio.to_thread(self._store.features.note_check, check)

    def _sampled(self, after: int) -> tuple[list[tuple[ServedSlate, ServedFeatures]], int]:
        """The latest slates with features, and the number of the last slate there is."""
        kept: list[tuple[ServedSlate, ServedFeatures]] = []
        for batch in self._store.slates.scan(after=after):
            kept = [*kept, *((slate, slate.features) for _, slate in batch if slate.features is not None)][-_MOST_SLATES:]
            after = batch[-1][0]
        return kept, after

    async def _of_user(self, slate: ServedSlate, features: ServedFeatures) -> list[Compared]:
        state = await self._store.log.user_state(slate.user_id, limit=0, until=features.as_of, features=_FROM_THE_LOG)
        if state.folded is None or state.folded.through < features.as_of:  # too many events to read in one go
            return []
        return await asyncio.to_thread(self._compare_user, features, state.folded.tail, state.properties)

    def _compare_user(self, features: ServedFeatures, events: Sequence[Any], properties: Json) -> list[Compared]:
        names = [name for name in features.user if name in self._users.bound]
        fields: dict[str, Json] = {}

        def of_items(item_id: str, path: str) -> Any:
            if item_id not in fields:
                item = self._store.catalogue.item_at(item_id, features.as_of)
                fields[item_id] = {} if item is None else fields_of(item)
            return at_path(fields[item_id], path)

        own = {"properties": properties}
        said = read(self._users, state_of(self._users, events), features.at, names=names, own=own, items=of_items)
        return [(name, features.user[name], said[name].value) for name in names]

    def _of_items(self, slates: Sequence[tuple[ServedSlate, ServedFeatures]]) -> list[tuple[str, Compared]]:
        """All items of all slates, read at the position of each while the log is walked through once."""
        waiting = sorted((pair for pair in slates if pair[1].items), key=lambda pair: pair[1].items_as_of)
        if not waiting:
            return []
        replayed = Replayed(self._items, {item_id for slate, _ in waiting for item_id in slate.items})
        found: list[tuple[str, Compared]] = []
        at = 0
        for slate, features in waiting:
            for batch in self._store.log.scan(after=at, until=features.items_as_of):
                replayed.add(by_subject(self._items, batch, replayed.item_ids))
            at = max(at, features.items_as_of)
            found += [(slate.request_id, each) for each in self._compare_items(slate, features, replayed)]
        return found

    def _compare_items(self, slate: ServedSlate, features: ServedFeatures, replayed: Replayed) -> Iterable[Compared]:
        names = [name for name in features.items if name in self._items.bound]
        of_events = [name for name in names if self._items.bound[name].view.events]
        for place, item_id in enumerate(slate.items):
            then, later = (self._store.catalogue.item_at(item_id, at) for at in (features.items_as_of, slate.as_of))
            own = {} if then is None else fields_of(then)
            # The block knows of changes of items before the columns do, so while one changes its attributes are either's.
            known = names if then == later or features.items_as_of >= slate.as_of else of_events
            said = replayed.values(item_id, known, features.items_at, own)
            yield from ((name, features.items[name][place], said[name]) for name in known)

    def _summed(self, before: FeatureCheck, found: Sequence[tuple[str, Compared]], sequence: int) -> FeatureCheck:
        """Count, and add to what was known: half of what was known before fades with each look that finds something."""
        compared, wrong = Counter[str](), Counter[str]()
        examples: list[Json] = []
        for request_id, (name, served, said) in found:
            compared[name] += 1
            if not agree(served, said):
                wrong[name] += 1
                examples.append({"request_id": request_id, "view": name})
        views = {
            name: (old[0] // 2, old[1] // 2) if name in compared else old
            for name, old in before.views.items()
            if name in self._users.bound or name in self._items.bound
        }
        for name, number in compared.items():
            old = views.get(name, (0, 0))
            views[name] = (old[0] + number, old[1] + wrong[name])
            self._metrics.feature_compared.labels(name).inc(number)
            self._metrics.feature_mismatches.labels(name).inc(wrong[name])
            self._metrics.feature_mismatch.labels(name).set(wrong[name] / number)
        if wrong:
            log.warning("served features differ from the log", views=dict(wrong))
        kept = [*examples[-_EXAMPLES:], *before.examples][:_EXAMPLES]
        return FeatureCheck(sequence=sequence, checked_at=self._clock.now_ms(), views=views, examples=kept)
