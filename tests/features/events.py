"""Random events, views of every kind, and what each view should say, worked out the slow and plain way."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from honeyguide.config.features import FunctionView
from honeyguide.config.settings import FeatureView
from honeyguide.features.values import number, scalars, text_of
from honeyguide.types import LogRow

NOW = 1_700_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR

ITEMS: dict[str, dict[str, Any]] = {
    "a": {"categories": ["red", "tea"], "price": 3.0, "vector": [1.0, 0.0]},
    "b": {"categories": ["tea"], "price": 4.5, "vector": [0.0, 1.0]},
    "c/ü🍯": {"categories": [], "vector": [0.5, 0.5, 0.5]},
    "d": {},
}


def of_items(item_id: str, path: str) -> Any:
    return ITEMS.get(item_id, {}).get(path)


def first_letter(row: LogRow) -> Any:
    return None if row.item_id is None else row.item_id[0]


def view(name: str, kind: str, *events: str, **more: Any) -> FeatureView:
    return FeatureView.model_validate({"name": name, "entity": "user", "kind": kind, "events": list(events), **more})


def views(entity: str = "user") -> list[FeatureView]:
    """At least one view of every kind, with and without a window, some of which share parts."""
    of_item = "item.categories" if entity == "user" else "user_id"
    made = [
        view("all_views", "count", "view"),
        view("views_1h", "count", "view", window="1h"),
        view("views_1d", "count", "view", window="1d"),
        view("weighed", "count", "view", "click", weights={"click": 2.5}, window="1d"),
        view("spent", "sum", "purchase", of="value"),
        view("spent_1d", "sum", "purchase", of="value", window="1d"),
        view("tags", "sum", "view", "click", of="properties.deep.n", window="1d"),
        view("stars", "mean", "rating", of="value", window="1d"),
        view("shrunken_stars", "mean", "rating", of="value", prior=3, prior_weight=2),
        view("rate_1h", "rate", "click", over=["view"], window="1h"),
        view("shrunken_rate", "rate", "click", over=["view", "impression"], prior=0.1, prior_weight=5, window="1d"),
        view("latest", "last_n", "view", "click", of="surface", n=3),
        view("latest_1h", "last_n", "view", "click", of="surface", n=3, window="1h"),
        view("latest_tags", "last_n", "view", "click", of="properties.tags", n=4),
        view("top", "top_k", "view", "purchase", of="surface", n=2, weights={"purchase": 8}),
        view("top_1d", "top_k", "view", "purchase", of=of_item, n=2, window="1d"),
        view("since", "time_since", "purchase", "view"),
        view("since_1h", "time_since", "click", window="1h"),
        view("country", "attribute", of="properties.country"),
    ]
    letters = {"name": "letters", "entity": "user", "kind": "last_n", "events": ["view"], "n": 3}
    made.append(FunctionView(**letters, function=first_letter))  # type: ignore[arg-type]
    if entity == "user":
        made += [
            view("latest_categories", "last_n", "view", "click", of="item.categories", n=3),
            view("taste", "vector", "view", "click", weights={"click": 3.0}, window="1d"),
        ]
    return [each.model_copy(update={"entity": entity}) for each in made]


TAGS = st.sampled_from([None, True, 1, 2.5, "x", ["x", "y", 3], [], {"no": 1}])
TYPES = ["view", "click", "purchase", "rating", "impression", "hide"]
VALUES = st.none() | st.sampled_from([0.0, 0.1, 1.0, 2.25, 3.0, 1e6, 1e15]) | st.floats(0, 1000)


@st.composite
def events(draw: st.DrawFn, *, span: int = 3 * DAY, users: Sequence[str] = ("u",), most: int = 40) -> list[LogRow]:
    """Events in order of arrival. Most happen shortly before they come in, some long before, some in the future."""
    made = []
    came = NOW - span
    for number_ in range(draw(st.integers(0, most))):
        came += draw(st.sampled_from([0, 1, 60_000, HOUR, span // 20]))
        late = draw(st.sampled_from([0, 0, 0, 1, 59_999, 60_000, HOUR, DAY, -1, -60_000]))
        kind = draw(st.sampled_from(TYPES))
        item = draw(st.sampled_from([*ITEMS, "unknown"])) if kind != "impression" else None
        properties: dict[str, Any] = {"tags": draw(TAGS), "deep": {"n": draw(st.sampled_from([None, 1, 2.5, "3", True]))}}
        if kind == "impression":
            properties["items"] = draw(st.lists(st.sampled_from(list(ITEMS)), max_size=3))
        made.append(
            LogRow(
                event_id=f"e{number_:03}",
                ts=came - late,
                received_at=came,
                user_id=draw(st.sampled_from(list(users))),
                item_id=item,
                type=kind,
                value=draw(VALUES),
                surface=draw(st.sampled_from([None, "home", "cart", "search", "page"])),
                payload=msgspec.json.encode(properties).decode(),
                sequence=number_ + 1,
            )
        )
    return made


# --- the plain way ----------------------------------------------------------------------------------------------------


def plain(view: FeatureView, rows: Sequence[LogRow], now: int, own: Mapping[str, Any], items: Callable[..., Any]) -> Any:
    """What a view says of these events, worked out from its words. All of `rows` have come in by `now`."""
    if not view.events:
        return own.get("properties", {}).get("country")
    width = round(view.window * 1000) // 60
    timed = [(min(row.ts, row.received_at), row) for row in rows]
    timed = [(at, row) for at, row in timed if not width or at // width > now // width - 60]
    mine = [(at, row) for at, row in timed if row.type in view.events]
    if view.kind in ("count", "sum", "mean", "rate"):
        return _tallied(view, mine, sum(row.type in view.over for _, row in timed))
    if view.kind == "time_since":
        return (now - max(at for at, _ in mine)) / 1000 if mine else None
    if view.kind == "last_n":
        return _plain_latest(view, mine, items)
    weights: dict[str, float] = {}
    for _, row in mine:
        for value in _values(view, row, items):
            name = text_of(value)
            weights[name] = weights.get(name, 0.0) + view.weights.get(row.type, 1.0)
    if view.kind == "top_k":
        return [name for name, _ in sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))][: view.n]
    return _plain_taste(weights, items)


def _tallied(view: FeatureView, mine: Sequence[tuple[int, LogRow]], over: int) -> float | None:
    prior, strength = (view.prior or 0.0) * view.prior_weight, view.prior_weight
    if view.kind == "count":
        return sum(view.weights.get(row.type, 1.0) for _, row in mine)
    if view.kind == "rate":
        return (len(mine) + prior) / (over + strength) if over + strength else None
    found = [amount for _, row in mine if (amount := number(_raw(view, row))) is not None]
    total = sum(min(amount, 1e12) for amount in found)
    if view.kind == "sum":
        return total
    return (total + prior) / (len(found) + strength) if len(found) + strength else None


def _raw(view: FeatureView, row: LogRow) -> Any:
    if isinstance(view, FunctionView):
        return view.function(row)
    if view.of.startswith("properties."):
        found = msgspec.json.decode(row.payload or "{}")
        for step in view.of.split(".")[1:]:
            found = found.get(step) if isinstance(found, dict) else None
        return found
    return getattr(row, view.of or "item_id")


def _values(view: FeatureView, row: LogRow, items: Callable[..., Any]) -> Sequence[Any]:
    if view.of.startswith("item."):
        return scalars(items(row.item_id, view.of.removeprefix("item.")))
    return scalars(row.item_id if view.kind == "vector" else _raw(view, row))


def _plain_latest(view: FeatureView, mine: Sequence[tuple[int, LogRow]], items: Callable[..., Any]) -> list[Any]:
    found: list[Any] = []
    by_value = view.of.startswith("item.")
    for _, row in sorted(mine, key=lambda pair: (pair[0], pair[1].event_id), reverse=True):
        values = list(_values(view, row, items))
        if not by_value:  # several values of one event: the order of their texts, backwards
            values.sort(key=lambda value: (isinstance(value, str), text_of(value)), reverse=True)
        found += [value for value in values if value not in found]
    return found[: view.n]


def _plain_taste(weights: Mapping[str, float], items: Callable[..., Any]) -> list[float] | None:
    vectors = {name: items(name, "vector") for name in weights if items(name, "vector")}
    by_length: dict[int, float] = {}
    for name, vector in vectors.items():
        by_length[len(vector)] = by_length.get(len(vector), 0.0) + weights[name]
    if not by_length:
        return None
    length = max(by_length, key=lambda size: (by_length[size], size))
    kept = [name for name, vector in vectors.items() if len(vector) == length]
    total = sum(weights[name] for name in kept)
    return [sum(weights[name] * vectors[name][place] for name in kept) / total for place in range(length)]
