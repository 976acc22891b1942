"""Checks of what surfaces say about sources, ranking, re-ranking and exploration."""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise

from honeyguide.config.diversity import Cap
from honeyguide.config.features import CLICK_RATES, all_views
from honeyguide.config.given import Fault
from honeyguide.config.positions import KeyPath
from honeyguide.config.settings import Settings, Surface
from honeyguide.config.table import nearest

_CAPPED = ("category", "price", "properties.NAME")


def surface_faults(settings: Settings, sources: Collection[str] | None = None) -> Iterator[Fault]:
    """What is wrong with the surfaces that are declared, beside single values and names of event types. Names of sources
    are looked up where `sources`, those of the recipes, is given."""
    if sources is not None:
        sources = {*sources, *(source.name for source in settings.external)}
    for index, surface in enumerate(settings.surfaces):
        for path, problem in surface_problems(surface, sources):
            yield Fault(("surfaces", index, *path), f"surfaces[{index}] ({surface.name}): {problem}")
        for key, problem in _explore(surface, settings):
            yield Fault(("surfaces", index, "explore", key), f"surfaces[{index}] ({surface.name}): explore.{key} {problem}")
        yield from _goals(surface, index, set(settings.events.all_types()) | {"dwell"})


def _goals(surface: Surface, index: int, known: set[str]) -> Iterator[Fault]:
    label = f"surfaces[{index}] ({surface.name})"
    for name in surface.goals:
        if name not in known:
            cure = nearest(name, known) or f"; declare it: [events.types.{name}]"
            yield Fault(("surfaces", index, "goals", name), f"{label}: goals names the unknown event type {name!r}{cure}")
    if surface.goals and max(surface.goals.values()) <= 0:
        problem = f"{label}: no goal is worth more than 0, so there is nothing to rank for; write goals = {{ purchase = 8 }}"
        yield Fault(("surfaces", index, "goals"), problem)


def surface_problems(surface: Surface, sources: Collection[str] | None = None) -> Iterator[tuple[KeyPath, str]]:
    """(path inside of the surface, problem) of one surface."""
    if surface.ttl == 0:
        yield ("ttl",), "ttl is 0: no list would ever be fresh; write at least 1s"
    counted = Counter(use.name for use in surface.sources)
    for place, use in enumerate(surface.sources):
        if counted[use.name] > 1:
            yield ("sources", place, "name"), f"sources[{place}] names {use.name!r} again"
        if sources is not None and use.name not in sources:
            cure = nearest(use.name, sources) or f"; there are {', '.join(sorted(sources))}"
            yield ("sources", place, "name"), f"sources[{place}] names the unknown source {use.name!r}{cure}"
    for place, cap in enumerate(surface.caps):
        for key, problem in _cap(cap):
            yield ("caps", place, key), f"caps[{place}] {problem}"


def _explore(surface: Surface, settings: Settings) -> Iterator[tuple[str, str]]:
    """(key, problem): positions that are named twice, or drawn by click rates of which there is no view."""
    explore = surface.explore
    if len(set(explore.slots)) < len(explore.slots):
        yield "slots", f"names a position twice: {explore.slots}"
    views = {view.name for view in all_views(settings).values() if view.entity == "item" and view.kind == "count"}
    lacking = [name for name in CLICK_RATES if name not in views]
    if explore.slots and explore.by == "thompson" and lacking:
        cure = "leave feature_store.builtin on, or write explore.by = 'softmax'"
        yield "by", f"is 'thompson', but no feature view of items counts {' or '.join(lacking)}; {cure}"


def _cap(cap: Cap) -> Iterator[tuple[str, str]]:
    """(key, problem) of one cap."""
    own = cap.of.removeprefix("properties.")
    if cap.of not in _CAPPED[:2] and (own == cap.of or not own):
        cure = nearest(cap.of, _CAPPED) or f"; allowed: {', '.join(_CAPPED)}"
        yield "of", f"names the unknown attribute {cap.of!r}{cure}"
    if cap.most >= cap.window:
        yield "most", f"allows {cap.most} items in {cap.window} positions: it would never hold anything back"
    if cap.of == "price" and not cap.bands:
        yield "bands", "caps the price without bands; write the limits between them, such as bands = [20, 50]"
    if cap.of == "category" and cap.bands:
        yield "bands", "has bands, and categories are no numbers; take them away"
    if any(low >= high for low, high in pairwise(cap.bands)):
        yield "bands", f"has bands that do not rise: {cap.bands}"
