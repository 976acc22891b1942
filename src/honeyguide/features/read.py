"""From states to values: what a view says at a moment. The arithmetic is one for a single state and for whole columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from honeyguide.config.settings import FeatureView
from honeyguide.expressions.paths import at_path
from honeyguide.features.attributes import Attributes, no_attributes
from honeyguide.features.plan import STEPS, Bound, Plan
from honeyguide.features.state import State, kept_cells, kept_latest
from honeyguide.features.values import MICRO, number, scalars, text_of

Status = Literal["present", "stale", "missing"]
_TASTE_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Value:
    """What a view says: `value` as JSON would hold it (None: nothing), and `event_at`, ms of the latest event in it.

    `missing` when no event of the view's and no such attribute is known; a count of nothing is 0 all the same."""

    value: Any
    event_at: int | None = None
    missing: bool = False


def read(
    plan: Plan,
    state: State,
    now: int,
    *,
    names: Sequence[str] | None = None,
    own: Mapping[str, Any] | None = None,
    items: Attributes = no_attributes,
) -> dict[str, Value]:
    """The values of the named views (all, if not named) at `now`, in ms.

    `own` are the attributes of the user or item itself (a user's under `properties`); `items` those of items, as they
    are at that moment."""
    floors, own = plan.floors(now), own or {}
    totals = _totals(plan, state, now, floors)
    wanted = plan.bound if names is None else {name: plan.bound[name] for name in names}
    return {name: _value(plan, bound, state, now, floors, totals, own, items) for name, bound in wanted.items()}


def _totals(plan: Plan, state: State, now: int, floors: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Part -> (events, millionths) in its window."""
    tops = [now // part.width if part.width else 0 for part in plan.parts]
    totals: dict[int, tuple[int, int]] = {}
    for (part, at), count in state.counts.items():
        if floors[part] < at <= tops[part]:
            totals[part] = (totals.get(part, (0, 0))[0] + count, 0)
    for (part, at), (count, amount) in state.sums.items():
        if floors[part] < at <= tops[part]:
            before = totals.get(part, (0, 0))
            totals[part] = (before[0] + count, before[1] + amount)
    return totals


def _value(
    plan: Plan,
    bound: Bound,
    state: State,
    now: int,
    floors: Sequence[int],
    totals: Mapping[int, tuple[int, int]],
    own: Mapping[str, Any],
    items: Attributes,
) -> Value:
    view = bound.view
    if not view.events:
        return _attribute(view, now, own)
    at = state.lasts.get(bound.last)
    if view.kind == "time_since":
        return Value(None if at is None else since(view, at, now), at, at is None)
    if view.kind == "last_n":
        return Value(_last_n(plan, bound, state, floors, items), at, at is None)
    if view.kind == "top_k":
        return Value(_top_k(view, bound, state, floors, items), at, at is None)
    if view.kind == "vector":
        return Value(_taste(bound, state, floors, items), at, at is None)
    count, amount = totals.get(bound.main, (0, 0))
    over = totals.get(bound.over, (0, 0))[0]
    return Value(finish(view, count, amount, over, _divided), at, at is None)


def finish(view: FeatureView, count: Any, amount: Any, over: Any, divide: Callable[[Any, Any], Any]) -> Any:
    """The value of a tallied view from its totals: numbers, or arrays of them. `divide` says what x / 0 is."""
    prior = (view.prior or 0.0) * view.prior_weight
    total = amount * 1.0 / MICRO  # rounded to a float first, as arrays are: whole numbers divide more exactly in Python
    if view.kind == "count":
        return total if view.weights else count + 0.0
    if view.kind == "sum":
        return total
    if view.kind == "mean":
        return divide(total + prior, count + view.prior_weight)
    return divide(count + prior, over + view.prior_weight)


def _divided(one: float, other: float) -> float | None:
    return one / other if other else None


def divided(one: Any, other: Any) -> Any:
    """Division of arrays: float64, NaN where the divisor is 0."""
    result = np.full(np.shape(one), np.nan)
    return np.divide(one, other, out=result, where=np.asarray(other) != 0)


def _attribute(view: FeatureView, now: int, own: Mapping[str, Any]) -> Value:
    found = at_path(own, view.of or "vector")
    if view.kind == "time_since":
        at = number(found)
        return Value(None if at is None else since(view, at, now), None, at is None)
    if isinstance(found, tuple):
        found = list(found)
    return Value(found, None, found is None)


def since(view: FeatureView, at: Any, now: Any) -> Any:
    """Seconds since `at` (ms), a number or an array; None or NaN if that is longer ago than the window."""
    width = round(view.window * 1000) // STEPS
    seconds = (now - at) / 1000
    if not width:
        return seconds
    gone = at // width <= now // width - STEPS
    return np.where(gone, np.nan, seconds) if isinstance(at, np.ndarray) else None if gone else seconds


def _last_n(plan: Plan, bound: Bound, state: State, floors: Sequence[int], items: Attributes) -> list[Any]:
    """The latest different values, newest first."""
    view, part, floor = bound.view, plan.parts[bound.main], floors[bound.main]
    found: dict[Any, None] = {}
    path = view.of.removeprefix("item.") if view.of.startswith("item.") else ""
    for value, (at, _) in kept_latest(state.latest.get(bound.main, {}), part.keep):
        if part.width and at // part.width <= floor:
            break
        for entry in scalars(items(str(value), path)) if path else (value,):
            found.setdefault(entry)
        if len(found) >= view.n:
            break
    return list(found)[: view.n]


def _weights(bound: Bound, state: State, floors: Sequence[int]) -> dict[str, int]:
    """Value -> weight in the window."""
    weights: dict[str, int] = {}
    for (at, value), weight in kept_cells(state.cells.get(bound.main, {})).items():
        if at > floors[bound.main]:
            weights[value] = weights.get(value, 0) + weight
    return weights


def _top_k(view: FeatureView, bound: Bound, state: State, floors: Sequence[int], items: Attributes) -> list[str]:
    """The values of greatest weight, the heaviest first, ties by the value."""
    weights = _weights(bound, state, floors)
    if view.of.startswith("item."):
        path, by_item, weights = view.of.removeprefix("item."), weights, {}
        for item_id, weight in by_item.items():
            for entry in scalars(items(item_id, path)):
                name = text_of(entry)
                weights[name] = weights.get(name, 0) + weight
    ranked = sorted((-weight, name) for name, weight in weights.items() if weight > 0)
    return [name for _, name in ranked[: view.n]]


def _taste(bound: Bound, state: State, floors: Sequence[int], items: Attributes) -> list[float] | None:
    """The weighted mean of the items' vectors, in the length that most weight has; None without any."""
    weights = _weights(bound, state, floors)
    vectors = {name: vector for name in sorted(weights) if (vector := _vector(items(name, "vector"))) is not None}
    if not vectors:
        return None
    by_length: dict[int, int] = {}
    for name, vector in vectors.items():
        by_length[len(vector)] = by_length.get(len(vector), 0) + weights[name]
    length = max(by_length, key=lambda size: (by_length[size], size))
    kept = [name for name, vector in vectors.items() if len(vector) == length]
    share = np.array([weights[name] for name in kept], dtype=np.float64)
    if not share.sum():
        return None
    mean = (share / share.sum()) @ np.array([vectors[name] for name in kept])
    return [round(value, _TASTE_DIGITS) for value in mean.tolist()]


def _vector(value: Any) -> Sequence[float] | None:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return value if isinstance(value, list | tuple) and value else None
