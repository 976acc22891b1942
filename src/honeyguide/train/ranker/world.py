"""Lists of the past made again: requests as they would have been, and the candidates that the sources would have found.

They go through the sources that serve, so a ranker is trained on what it will see. The models are fitted on what was before
the lists, and feature views are replayed at the moment of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from honeyguide.config.settings import Settings, Surface
from honeyguide.features import ItemBlock
from honeyguide.features.custom import plans_of
from honeyguide.features.past import Past, Rules
from honeyguide.features.plan import TALLIED, Plan
from honeyguide.features.replay import replay
from honeyguide.messages import Query
from honeyguide.offline.pasts import histories_of
from honeyguide.protocols import Model, Request, ServedModel, Source, Store
from honeyguide.ranking.pools import merge
from honeyguide.ranking.signals import Signals
from honeyguide.retrieval import CatalogueSource, LearnedSource, NewItemSource, PopularSource, VoiceSource
from honeyguide.retrieval.learned import tie_to_block
from honeyguide.stores.fold import People, fold_item, fold_properties
from honeyguide.train.material import Material
from honeyguide.types import BoolArray, FloatArray, Histories, IntArray, Interactions, LongArray, Pool


@dataclass(frozen=True, slots=True)
class Voices:
    """The models of one moment, tied to the block: the one that serves, popularity, and those a ranker listens to."""

    model: ServedModel
    popular: ServedModel
    others: Mapping[str, ServedModel]


@dataclass(frozen=True, slots=True)
class World:
    """What lists of the past are made in. `rows` int32: the block's row of each item of the data; `since` int64 [block], ms:
    from when on an item was there, by its creation or its first event, 0 where neither is known."""

    settings: Settings
    surface: Surface
    data: Material
    items: ItemBlock
    rows: IntArray
    past: Past
    sources: tuple[Source, ...]
    signals: Signals
    since: LongArray

    def fitted(self, names: Sequence[str], models: Sequence[Model], interactions: Interactions) -> Voices:
        """The models `names` (the first is the one that serves, `popular` is added) fitted on these interactions."""
        made = {model.name: model for model in models}
        ids, seed = self.data.dataset.item_ids, self.settings.training.seed
        found = {
            name: tie_to_block(name, made[name].fit(interactions, seed=seed), ids, [], self.items)
            for name in dict.fromkeys([*names, "popular"])
        }
        others = {name: found[name] for name in names[1:]}
        return Voices(found[names[0]], found["popular"], others)

    def pasts(self, known: Interactions) -> Histories:
        """Every user's history in rows of the block."""
        pasts = histories_of(known)
        return replace(pasts, items=self.rows[pasts.items])

    def request(self, voices: Voices, pasts: Histories, user: int, at: int, shown: IntArray | None = None) -> Request:
        """What a user would have asked at a moment, with the past that is given; no item of it is shown again.

        Where it is known what was `shown` (rows), that may be, and of the past only what was before the moment counts."""
        first, end = pasts.indptr[user], pasts.indptr[user + 1]
        if shown is not None:
            end = first + np.searchsorted(pasts.ts[first:end], at)
        mine = slice(first, end)
        rows, weights = pasts.items[mine], pasts.weights[mine]
        none = np.empty(0, np.int32)
        latest = slice(-self.settings.recommend.history, None)
        return Request(
            query=Query(user_id=self.data.dataset.user_ids[user]),
            surface=self.surface,
            items=self.items,
            model=voices.model,
            popular=voices.popular,
            now=at,
            new_item_age=round(self.settings.recommend.new_item_age * 1000),
            segment="",
            interests=(),
            history_rows=rows[latest],
            history_weights=weights[latest],
            history_ts=pasts.ts[mine][latest],
            history_types=("",) * len(rows[latest]),
            from_session=False,
            excluded=np.unique(rows) if shown is None else np.setdiff1d(rows, shown),
            disliked=none,
            anchor=-1,
            voices=voices.others,
        )

    def pool(self, request: Request) -> Pool:
        """The candidates that the sources find among the items that were there at the moment: models may know of later ones,
        which no list could have shown, and whose age would give them away."""
        allowed: BoolArray = self.since <= request.now
        allowed[request.excluded] = False
        return merge({source.name: source.retrieve(request, allowed) for source in self.sources}, len(self.items))

    def views(self, entity: str, names: Sequence[str], ids: Sequence[str], at: LongArray) -> FloatArray:
        """float32 [ids, names]: what views said of users or items at each one's moment; NaN where nothing was known."""
        if not names or not len(at):
            return np.full((len(at), len(names)), np.nan, np.float32)
        found = replay(self.past, entity, pl.DataFrame({"entity_id": list(ids), "t": at}), names)
        return found.select(pl.col(names).cast(pl.Float32).fill_null(float("nan"))).to_numpy()

    def item_views(self, rows: IntArray, at: LongArray) -> FloatArray:
        """The item views of the signals at each row's moment, worked out once for equal pairs."""
        size = len(self.items)
        pairs, back = np.unique(at * size + rows, return_inverse=True)
        ids = self.items.ids
        told = self.views("item", self.signals.item_views, [ids[row] for row in (pairs % size).tolist()], pairs // size)
        return told[back]

    def with_views(self, table: FloatArray, rows: IntArray, at: LongArray, users: LongArray) -> FloatArray:
        """Fill the columns of views into signals: float32 [candidates, names], the block's row, moment and user of each."""
        items, people = len(self.signals.item_views), len(self.signals.user_views)
        start = table.shape[1] - items - people
        if items:
            table[:, start : start + items] = self.item_views(rows, at)
        if people:
            pairs, back = np.unique(np.stack([users, at]), axis=1, return_inverse=True)
            names = self.data.dataset.user_ids
            told = self.views("user", self.signals.user_views, [names[user] for user in pairs[0].tolist()], pairs[1])
            table[:, start + items :] = told[back.ravel()]
        return table


def world_of(store: Store, settings: Settings, surface: Surface, data: Material, voices: Sequence[str]) -> World:
    """The catalogue, the log and the signals of a surface. The log is read whole."""
    items = ItemBlock()
    for batch in store.catalogue.scan_items():
        items.put(batch)
    plans = plans_of(settings)
    sources: tuple[Source, ...] = (
        LearnedSource(),
        *(VoiceSource(name) for name in voices),
        PopularSource(),
        NewItemSource(),
        CatalogueSource(),
    )
    signals = Signals(tuple(source.name for source in sources), _countable(plans["item"]), _countable(plans["user"]))
    rows = np.array([items.number(item_id) for item_id in data.dataset.item_ids], np.int32)
    return World(
        settings=settings,
        surface=surface,
        data=data,
        items=items,
        rows=rows,
        past=Past.of(store.log, plans, Rules(fold_item, fold_properties, People)),
        sources=sources,
        signals=signals,
        since=_since(items, rows, data.dataset.interactions),
    )


def _since(items: ItemBlock, rows: IntArray, interactions: Interactions) -> LongArray:
    since = items.created_at.copy()
    first = np.full(len(items), np.iinfo(np.int64).max)
    np.minimum.at(first, rows[interactions.items], interactions.ts)
    known: LongArray = np.where(since > 0, np.minimum(since, first), since)
    return known


def _countable(plan: Plan) -> tuple[str, ...]:
    """The views that are numbers made of events: what else there is of items stands in the block."""
    return tuple(view.name for view in plan.views if view.events and view.kind in (*TALLIED, "time_since"))
