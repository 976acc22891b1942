"""Exploration of one answer: whether this request explores, what it draws from, and the page that comes of it.

A share of all requests, chosen by their seed, gets a list that is drawn as a whole; on the others a surface may have single
positions drawn. Whoever gets neither pays one comparison.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import structlog

from honeyguide.config.exploration import Exploration
from honeyguide.config.features import CLICK_RATES
from honeyguide.config.settings import Surface
from honeyguide.messages import Place, Query, SlateItem
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Items, Recipe
from honeyguide.ranking.caps import caps_of, column
from honeyguide.ranking.exploration import Limit, Pick, by_chances, draw, softmax, thompson, uniform
from honeyguide.recommend.places import Places
from honeyguide.recommend.ranked import SHORT, Part, ids_of, items_of
from honeyguide.recommend.stages import with_changes
from honeyguide.types import Explored, Json

log = structlog.get_logger(__name__)

REACH: Final = SHORT
"""The candidates of what is drawn are the first places of the list: those that every length of it has."""
_SEEDS: Final = 2**32


def account(explored: Explored | None, seed: int, propensities: Sequence[float], length: int) -> Json:
    """What an explanation says of it: how positions were drawn, by which seed, and the propensity of each that was shown."""
    how = explored.how if explored is not None else "none"
    return {"how": how, "seed": seed, "propensities": list(propensities) or [1.0] * length}


class _Scored(msgspec.Struct):
    score: float


_scores = msgspec.json.Decoder(list[_Scored])
_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Turn:
    """A page of a list that was drawn: `ids` and `items` as comma-separated JSON, `shown` the ids again, the propensity of
    each, and what the slate keeps of it; neither where drawing failed."""

    ids: bytes
    items: bytes
    shown: list[str]
    propensities: list[float]
    explored: Explored | None


class Exploring:
    """Draws positions of lists."""

    def __init__(
        self,
        places: Places,
        recipes: Mapping[str, Recipe],
        settings: Exploration,
        items: Items,
        metrics: Metrics,
    ) -> None:
        self._places, self._recipes, self.settings, self._items = places, recipes, settings, items
        self._metrics = metrics
        self._below: dict[Place, int] = {}

    def explores(self, query: Query, seed: int) -> bool:
        """Whether anything of this list is drawn. A page of an earlier list explores as that one did, by its seed."""
        below = self._below.get(query.place) if query.recipe is None else self._threshold(self.surface(query))
        if below is None:
            below = self._below[query.place] = self._threshold(self.surface(query))
        return seed < below and query.explore and (query.offset == 0 or query.seed is not None)

    def page(self, query: Query, part: Part, seed: int, *, gone: int, fixed: Collection[int] = ()) -> Turn:
        """The page of a query whose list explores. `gone` of its first `REACH` places were taken out after the cache; those
        at the positions `fixed` stay where they are."""
        try:
            return self._drawn(query, part, seed, self._begun(query, part, seed, REACH - gone), self._items, fixed)
        except Exception:  # counted: the ranking is a good list, too
            self._metrics.recommend_fallbacks.labels(query.surface, "exploration").inc()
            log.exception("drawing failed")
            ids, items = part.cut(query.offset, query.offset + query.n)
            return Turn(ids, items, ids_of(ids), [], None)

    def _begun(self, query: Query, part: Part, seed: int, reach: int) -> Explored:
        """How the list of a query is drawn, with what is known now of its candidates' click rates where that matters."""
        surface = self.surface(query)
        if seed < self._whole_below(surface):
            return Explored("all", reach)
        explored = Explored(surface.explore.by, reach)
        if explored.how == "thompson":
            rows = [self._items.number(item_id) for item_id in ids_of(part.cut(0, reach)[0])]
            rates = np.nan_to_num(self._items.features.gather(np.array(rows, np.int32), CLICK_RATES)).astype(np.int64)
            explored.clicks, explored.seen = rates[:, 0].tolist(), rates[:, 1].tolist()
        return explored

    def again(
        self, query: Query, part: Part, seed: int, explored: Explored, items: Items, *, fixed: Collection[int] = ()
    ) -> Turn:
        """The page as it was drawn before, on the items of then."""
        return self._drawn(query, part, seed, explored, items, fixed)

    def surface(self, query: Query) -> Surface:
        """The surface as the query, or its arms, change it."""
        surface = self._places.of(query)
        return surface if query.recipe is None else with_changes(surface, query.recipe, self._recipes)

    def share(self, surface: Surface) -> float:
        """The share of requests whose whole list is drawn."""
        return self.settings.share if surface.explore.share is None else surface.explore.share

    def _whole_below(self, surface: Surface) -> int:
        """The seeds below it draw the whole list."""
        return round(self.share(surface) * _SEEDS)

    def _threshold(self, surface: Surface) -> int:
        """The seeds below it draw something."""
        return _SEEDS if surface.explore.slots else self._whole_below(surface)

    def _drawn(self, query: Query, part: Part, seed: int, explored: Explored, items: Items, fixed: Collection[int]) -> Turn:
        surface, start, end = self.surface(query), query.offset, query.offset + query.n
        chosen = draw(
            self._pick(part, surface, explored),
            range(end) if explored.how == "all" else [slot - 1 for slot in surface.explore.slots],
            size=len(part),
            reach=explored.reach,
            length=end,
            seed=seed,
            limits=_limits(surface, part, explored.reach, items),
            fixed=fixed,
        )
        places, propensities = chosen.places[start:], chosen.propensities[start:]
        ids, texts = part.picked(places)
        joined = b",".join(ids)
        return Turn(joined, _placed(texts, places, propensities, start), ids_of(joined), propensities, explored)

    def _pick(self, part: Part, surface: Surface, explored: Explored) -> Pick:
        if explored.how == "all":
            return uniform
        if explored.how == "softmax":
            return by_chances(softmax(_scores_of(part, explored.reach), surface.explore.temperature))
        clicks, seen = np.array(explored.clicks, np.float64), np.array(explored.seen, np.float64)
        return by_chances(thompson(clicks, seen, prior=self.settings.prior, prior_weight=self.settings.prior_weight))


def _limits(surface: Surface, part: Part, reach: int, items: Items) -> list[Limit]:
    """What the surface's caps keep from coming next, of the places in reach."""
    caps = caps_of(surface)
    if not caps:
        return []
    ids = ids_of(part.cut(0, reach)[0])
    rows = np.fromiter(map(items.number, ids), np.int32, len(ids))
    return [Limit(list(column(cap, items, rows)), cap.most, cap.window) for cap in caps]


def _scores_of(part: Part, reach: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    text = part.cut(0, reach)[1]
    return np.array([item.score for item in _scores.decode(b"[%b]" % text)], np.float64)


def _placed(texts: list[bytes], places: Sequence[int], propensities: Sequence[float], start: int) -> bytes:
    """The items of a page in their new positions; one that stands where it stood, and was not drawn, stays as text."""
    changed = [
        at
        for at, (place, propensity) in enumerate(zip(places, propensities, strict=True))
        if place != start + at or propensity < 1.0
    ]
    for at, item in zip(changed, items_of(b",".join([texts[at] for at in changed])), strict=True):
        texts[at] = _json.encode(told(item, start + at + 1, drawn=propensities[at] < 1.0))
    return b",".join(texts)


def told(item: SlateItem, rank: int, *, drawn: bool) -> SlateItem:
    """The item at its new rank; where chance has put it there, its reason says so before it says why it could be."""
    reason = item.reason
    if drawn:
        reason = msgspec.structs.replace(reason, code="explored", text=f"worth a try: {reason.text}")
    return msgspec.structs.replace(item, rank=rank, reason=reason)
