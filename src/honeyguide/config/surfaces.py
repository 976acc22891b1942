"""Checks of what surfaces say about re-ranking."""

from collections.abc import Iterator
from itertools import pairwise

from honeyguide.config.diversity import Cap
from honeyguide.config.given import Fault
from honeyguide.config.settings import Settings, Surface
from honeyguide.config.table import nearest

_CAPPED = ("category", "price", "properties.NAME")


def surface_faults(settings: Settings) -> Iterator[Fault]:
    """What is wrong with the surfaces that are declared, beside single values and names of event types."""
    for index, surface in enumerate(settings.surfaces):
        label = f"surfaces[{index}] ({surface.name})"
        yield from _caps(surface, index, label)


def _caps(surface: Surface, index: int, label: str) -> Iterator[Fault]:
    for place, cap in enumerate(surface.caps):
        for key, problem in _cap(cap):
            yield Fault(("surfaces", index, "caps", place, key), f"{label}: caps[{place}] {problem}")


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
