"""The built-in feature views, all views by name, and what is wrong with those that were declared."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args

from honeyguide.config.given import Fault
from honeyguide.config.settings import EventType, FeatureKind, FeatureView, Settings
from honeyguide.config.table import nearest, one_of
from honeyguide.config.values import format_duration, laid_over
from honeyguide.types import LogRow

_HOUR: Final = 3600.0
_DAY: Final = 86_400.0
_WINDOWS: Final = {"1h": _HOUR, "1d": _DAY, "7d": 7 * _DAY, "30d": 30 * _DAY}

ITEM_FIELDS: Final = ("title", "categories", "price", "available", "created_at", "vector")
"""What an attribute of an item may be `of`, beside `properties.NAME`; `available` is whether it may be shown."""
CLICK_RATES: Final = ("clicks_30d", "impressions_30d")
"""The views of items that Thompson sampling looks at: how often clicked, how often shown."""
NUMBERS_OF_EVENTS: Final = ("value", "quantity")
TEXTS_OF_EVENTS: Final = ("type", "surface", "session_id", "device_id")
ITEM: Final = "item."
PROPERTIES: Final = "properties."

_OPTIONAL: Final[dict[str, frozenset[FeatureKind]]] = {
    "over": frozenset({"rate"}),
    "weights": frozenset({"count", "top_k", "vector"}),
    "window": frozenset({"count", "sum", "mean", "rate", "last_n", "top_k", "time_since", "vector"}),
    "n": frozenset({"last_n", "top_k"}),
    "prior": frozenset({"mean", "rate"}),
    "prior_weight": frozenset({"mean", "rate"}),
}
"""Keys that mean something to some kinds only."""
_BY_FUNCTION: Final = frozenset({"sum", "mean", "last_n", "top_k"})


class FunctionView(FeatureView):
    """A view whose values come from a Python function of an event instead of `of`; for sum, mean, last_n and top_k.

    The function gets the row of the log and returns a number, or (for last_n and top_k) a text, a number or a list of
    them; None leaves the event out. It must depend on the row alone. Raise `version` when it changes: what was folded
    by the function of before is then thrown away."""

    function: Callable[[LogRow], Any]
    version: int = 1


def builtin_views(types: Mapping[str, EventType]) -> list[FeatureView]:
    """The views that every shop has, for these event types."""
    weights = {name: kind.weight for name, kind in types.items() if kind.weight > 0 and not kind.negative}
    return [*_of_users(types, weights), *_of_items(weights)]


def _of_users(types: Mapping[str, EventType], weights: dict[str, float]) -> list[FeatureView]:
    def user(name: str, kind: FeatureKind, *events: str, **more: Any) -> FeatureView:
        return FeatureView(name=name, entity="user", kind=kind, events=list(events), **more)

    return [
        user("total_purchases", "count", "purchase"),
        user("user_purchases_30d", "count", "purchase", window="30d"),
        user("total_spent", "sum", "purchase", of="value"),
        user("avg_order_value", "mean", "purchase", of="value"),
        user("avg_rating", "mean", "rating", of="value"),
        user("user_clicks_1d", "count", "click", window="1d"),
        user("user_views_1d", "count", "view", window="1d"),
        user("user_carts_7d", "count", "add_to_cart", window="7d"),
        user("user_click_rate_30d", "rate", "click", over=["impression"], window="30d", prior=0.05, prior_weight=20),
        user("recent_views", "last_n", "view", of="item_id", n=20),
        user("recent_purchases", "last_n", "purchase", of="item_id", n=20),
        user("favorite_categories", "top_k", *weights, of="item.categories", weights=weights, window="90d", n=5),
        user("taste", "vector", *weights, weights=weights, window="90d"),
        user("last_seen", "time_since", *(name for name in types if name != "impression")),
        user("last_purchase", "time_since", "purchase"),
        user("interests", "attribute", of="properties.interests"),
    ]


def _of_items(weights: dict[str, float]) -> list[FeatureView]:
    def item(name: str, kind: FeatureKind, *events: str, **more: Any) -> FeatureView:
        return FeatureView(name=name, entity="item", kind=kind, events=list(events), **more)

    views = []
    for window, seconds in _WINDOWS.items():
        seen: dict[str, Any] = {"over": ["impression"], "prior": 0.05, "prior_weight": 50, "window": seconds}
        views += [
            item(f"clicks_{window}", "count", "click", window=seconds),
            item(f"views_{window}", "count", "view", window=seconds),
            item(f"purchases_{window}", "count", "purchase", window=seconds),
            item(f"click_rate_{window}", "rate", "click", **seen),
        ]
    return [
        *views,
        item("impressions_30d", "count", "impression", window=_WINDOWS["30d"]),
        item("popularity", "count", *weights, weights=weights, window="30d"),
        item("rating_count", "count", "rating"),
        item("rating_mean", "mean", "rating", of="value", prior=3.0, prior_weight=5),
        item("price", "attribute", of="price"),
        item("age", "time_since", of="created_at"),
        item("categories", "attribute", of="categories"),
    ]


def all_views(settings: Settings) -> dict[str, FeatureView]:
    """Built-in and declared views by name."""
    builtin = builtin_views(settings.events.all_types()) if settings.feature_store.builtin else []
    known = {view.name: view for view in builtin}
    return known | {view.name: laid_over(known.get(view.name), view) for view in settings.features}


def feature_faults(settings: Settings) -> Iterator[Fault]:
    """What is wrong with the declared views."""
    types = settings.events.all_types()
    names = Counter(view.name for view in settings.features)
    builtin = {view.name for view in builtin_views(types)} if settings.feature_store.builtin else set()
    views = all_views(settings)
    for index, declared in enumerate(settings.features):
        label = f"features[{index}] ({declared.name})"
        if names[declared.name] > 1:
            problem = f"{label}: {names[declared.name]} feature views have this name"
            yield Fault(("features", index, "name"), problem)
            continue
        for key in ("entity", "kind"):
            if declared.name not in builtin and key not in declared.model_fields_set:
                allowed = one_of(get_args(FeatureView.model_fields[key].annotation))
                yield Fault(("features", index), f"{label} lacks the key '{key}'; allowed: {allowed}")
                return
        for key, problem in view_faults(views[declared.name], types):
            yield Fault(("features", index, key), f"{label}: {problem}")


def view_faults(view: FeatureView, types: Mapping[str, EventType]) -> Iterator[tuple[str, str]]:
    """(key, problem) of everything that is wrong with one view, built-in ones laid under it."""
    for key, kinds in _OPTIONAL.items():
        default = FeatureView.model_fields[key].get_default(call_default_factory=True)
        if view.kind not in kinds and getattr(view, key) != default:
            yield key, f"{key} means nothing to kind {view.kind!r}; take it away, it is for {', '.join(sorted(kinds))}"
    for key, named in (("events", view.events), ("over", view.over)):
        for name in named:
            if name not in types:
                cure = nearest(name, types) or f"; declare it: [events.types.{name}]"
                yield key, f"{key} names the unknown event type {name!r}{cure}"
    for name, weight in view.weights.items():
        if name not in view.events:
            yield "weights", f"weights names {name!r}, which is not among its events{nearest(name, view.events)}"
        elif not 0 <= weight <= 1e6:
            yield "weights", f"weights.{name} is {weight:g}; allowed: 0 to 1000000"
    yield from _source_faults(view)
    yield from _of_faults(view)
    if view.prior is None and view.prior_weight > 0:
        yield "prior", "prior is not set, but prior_weight is; say what is expected before anything is known"


def _source_faults(view: FeatureView) -> Iterator[tuple[str, str]]:
    """Events where there must be none, none where there must be some."""
    if view.kind == "attribute" or _is_attribute(view):
        if view.events:
            yield "events", f"a view of {view.of or 'an attribute'!r} is made of no events; take them away"
        if view.window:
            problem = f"window is {format_duration(view.window)}, but an attribute has no past; take it away"
            yield "window", problem
    elif not view.events and not (view.kind == "vector" and view.entity == "item"):
        yield "events", f"events is empty; a {view.kind} names the event types that it is made of"
    if view.kind == "rate" and not view.over:
        yield "over", "over is empty; a rate names the event types that it is a share of, such as 'impression'"
    if view.kind == "vector" and view.entity == "item" and view.events:
        yield "events", "an item's vector is its own and made of no events; take them away"


def _is_attribute(view: FeatureView) -> bool:
    """Whether a time_since is counted from an attribute instead of from events."""
    return view.kind == "time_since" and bool(view.of)


def _of_faults(view: FeatureView) -> Iterator[tuple[str, str]]:
    """`of` must be something that the kind can work with."""
    allowed, example = _allowed(view)
    of = view.of
    if isinstance(view, FunctionView):
        if view.kind not in _BY_FUNCTION:
            yield "kind", f"kind is {view.kind!r}; a function can be the source of {', '.join(sorted(_BY_FUNCTION))}"
        elif of:
            yield "of", f"of is {of!r}, but a function is given as well; take one of them away"
        return
    if not of and not allowed:
        return
    named = [name for name in allowed if not name.endswith(".")]
    inside = any(of.startswith(prefix) and len(of) > len(prefix) for prefix in allowed if prefix.endswith("."))
    if of.startswith(ITEM) and inside:
        inner = of.removeprefix(ITEM)
        inside = inner in ITEM_FIELDS or (inner.startswith(PROPERTIES) and len(inner) > len(PROPERTIES))
        named += [ITEM + name for name in ITEM_FIELDS]
    if of in named or inside:
        return
    if not allowed:
        yield "of", f"of is {of!r}, but a {view.kind} of a {view.entity} is of nothing; take it away"
    elif not of:
        yield "of", f"of is missing; say what it is made of, such as {example!r}"
    else:
        shown = [f"{name}NAME" if name.endswith(".") else name for name in allowed]
        yield "of", f"of is {of!r}{nearest(of, named)}; allowed: {', '.join(shown)}"


def _allowed(view: FeatureView) -> tuple[tuple[str, ...], str]:
    """What `of` may be (a prefix ends with a dot), and an example; nothing where it has no meaning."""
    attributes = (*ITEM_FIELDS, PROPERTIES) if view.entity == "item" else (PROPERTIES,)
    if view.kind == "attribute":
        return attributes, "price" if view.entity == "item" else "properties.country"
    if view.kind in ("sum", "mean"):
        return (*NUMBERS_OF_EVENTS, PROPERTIES), "value"
    if view.kind in ("last_n", "top_k"):
        texts = ("item_id", *TEXTS_OF_EVENTS) if view.entity == "user" else ("user_id", *TEXTS_OF_EVENTS)
        numbers = NUMBERS_OF_EVENTS if view.kind == "last_n" else ()
        of_items = (ITEM,) if view.entity == "user" else ()
        return (*texts, *numbers, PROPERTIES, *of_items), "item.categories" if of_items else "surface"
    if view.kind == "time_since" and not view.events:
        return (*(("created_at",) if view.entity == "item" else ()), PROPERTIES), "created_at"
    return (), ""
