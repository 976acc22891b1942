"""Views compiled: what each kind of event adds to, once for all views of an entity.

Views share their parts: clicks of the last day and the click rate of the last day count the same clicks. There are four
kinds of part, each of which comes out the same in whatever order its events arrive:

    tally    how many, and how much, in buckets of a 60th of the window        count, sum, mean, rate
    last     when the last one happened                                        time_since, and the time of every value
    latest   the latest few different values                                   last_n
    cells    weight by bucket and value, the latest 500                        top_k, vector
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from honeyguide.config.settings import FeatureView
from honeyguide.features.values import MICRO, UNCOUNTED, Failures, Source, source_name, source_of

Entity = Literal["user", "item"]
STEPS: Final = 60
"""Buckets in a window."""
DAY: Final = 86_400_000
KEPT_CELLS: Final = 500
KEPT_ITEMS: Final = 100
"""Different items that a last_n of an attribute of items looks back on."""
_FORMAT: Final = 1
"""Raised when folded states change their meaning or their encoding: all are then folded anew."""

TALLIED: Final = ("count", "sum", "mean", "rate")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a state. `width` is that of a bucket in ms, 0 for a single one; `what` names its source, for sharing.

    `weights` (in millionths) is what an event counts by its type, where the part is weighed; `endless` buckets stay."""

    form: Literal["tally", "last", "latest", "cells"]
    types: tuple[str, ...]
    what: str = ""
    width: int = 0
    weights: tuple[tuple[str, int], ...] = ()
    keep: int = 0
    endless: bool = False
    source: Source | None = field(default=None, compare=False)

    @property
    def sums(self) -> bool:
        """Whether a tally adds amounts beside counting."""
        return self.form == "tally" and (bool(self.what) or bool(self.weights))


@dataclass(frozen=True, slots=True)
class Bound:
    """A view and the numbers of its parts: `main`, the `over` of a rate, the `last` that gives its time; -1 for none."""

    view: FeatureView
    main: int = -1
    over: int = -1
    last: int = -1


@dataclass(frozen=True, slots=True)
class Steps:
    """The numbers of the parts that one type of event adds to, by form, with the weight of the type."""

    tallies: tuple[tuple[int, int, Source | None, int], ...] = ()
    lasts: tuple[int, ...] = ()
    latest: tuple[tuple[int, Source], ...] = ()
    cells: tuple[tuple[int, int, Source, int], ...] = ()


class Plan:
    """The views of one entity and the parts that they are made of.

    `group` names the states of these parts: it changes when what is folded changes, and not when only the reading does
    (a prior, a lifetime, a name)."""

    def __init__(self, entity: Entity, views: Iterable[FeatureView], failures: Failures = UNCOUNTED) -> None:
        """`failures` counts, by view, how often a function of one has failed."""
        self.entity: Entity = entity
        self._failures = failures
        self._numbers: dict[Part, int] = {}
        self.bound: dict[str, Bound] = {view.name: self._bind(view) for view in views if view.entity == entity}
        self.parts: tuple[Part, ...] = tuple(self._numbers)
        self.steps: dict[str, Steps] = {
            name: self._steps(name) for name in sorted({name for part in self.parts for name in part.types})
        }
        self.group = f"{entity}-{self._fingerprint()}"

    @property
    def views(self) -> list[FeatureView]:
        """The views in the order of their declaration."""
        return [bound.view for bound in self.bound.values()]

    def floors(self, now: int) -> list[int]:
        """Per part, the newest bucket that has left the window at `now`; -1 where nothing ever does."""
        return [-1 if part.endless or not part.width else now // part.width - STEPS for part in self.parts]

    def _part(self, part: Part) -> int:
        return self._numbers.setdefault(part, len(self._numbers))

    def _bind(self, view: FeatureView) -> Bound:
        events = tuple(sorted(set(view.events)))
        if not events:
            return Bound(view)
        last = self._part(Part("last", tuple(sorted({*events, *view.over}))))
        width = round(view.window * 1000) // STEPS
        if view.kind == "time_since":
            return Bound(view, last=last)
        if view.kind in TALLIED:
            main = self._part(self._tally(view, events, width))
            over = self._part(Part("tally", tuple(sorted(set(view.over))), width=width)) if view.over else -1
            return Bound(view, main, over, last)
        if view.kind == "last_n":
            keep = KEPT_ITEMS if view.of.startswith("item.") else view.n
            part = Part("latest", events, _what(view), width, keep=keep, source=source_of(view, self._failures))
        else:
            weights = _weights(view.weights, events)
            part = Part(
                "cells", events, _what(view), width or DAY, weights, KEPT_CELLS, not width, source_of(view, self._failures)
            )
        return Bound(view, self._part(part), last=last)

    def _tally(self, view: FeatureView, events: tuple[str, ...], width: int) -> Part:
        if view.kind in ("sum", "mean"):
            return Part("tally", events, source_name(view), width, source=source_of(view, self._failures))
        return Part("tally", events, width=width, weights=_weights(view.weights, events) if view.weights else ())

    def _steps(self, name: str) -> Steps:
        numbered = [(number, part) for number, part in enumerate(self.parts) if name in part.types]

        def weight(part: Part) -> int:
            return dict(part.weights).get(name, MICRO)

        return Steps(
            tallies=tuple(
                (number, part.width, part.source, weight(part) if part.weights else 0)
                for number, part in numbered
                if part.form == "tally"
            ),
            lasts=tuple(number for number, part in numbered if part.form == "last"),
            latest=tuple((number, part.source) for number, part in numbered if part.form == "latest" and part.source),
            cells=tuple(
                (number, part.width, part.source, weight(part))
                for number, part in numbered
                if part.form == "cells" and part.source
            ),
        )

    def _fingerprint(self) -> str:
        told = [(part.form, part.types, part.what, part.width, part.weights, part.keep, part.endless) for part in self.parts]
        return hashlib.blake2b(msgspec.msgpack.encode((_FORMAT, told)), digest_size=6).hexdigest()


def _what(view: FeatureView) -> str:
    """Parts of an item's attribute are folded by item, whatever the attribute is."""
    name = source_name(view)
    return "item_id" if view.kind == "vector" or name.startswith("item.") else name


def _weights(given: Mapping[str, float], events: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, round(given.get(name, 1.0) * MICRO)) for name in events) if given else ()
