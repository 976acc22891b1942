"""Settings as people may see them: everything that is in effect, with stars in the place of secrets."""

from collections.abc import Mapping, Sequence
from typing import Any

from honeyguide.config.settings import Settings
from honeyguide.config.table import ANY, rows


def shown(settings: Settings) -> dict[str, Any]:
    """The settings in effect as JSON, the built-in event types and surfaces written out, secrets hidden."""
    tree = settings.model_dump(mode="json")
    tree["events"]["types"] = {name: kind.model_dump(mode="json") for name, kind in settings.events.all_types().items()}
    tree["surfaces"] = [surface.model_dump(mode="json") for surface in settings.all_surfaces().values()]
    for row in rows():
        if row.secret:
            _hide(tree, settings, row.path)
    return tree


def named(settings: Settings, sources: Mapping[str, str]) -> dict[str, str]:
    """Sources by dotted names in which entries of a list go by their own: `surfaces.home.ttl`, not `surfaces.2.ttl`."""
    found = {}
    for dotted, source in sources.items():
        section, _, rest = dotted.partition(".")
        place, _, inner = rest.partition(".")
        entries = getattr(settings, section, None)
        if isinstance(entries, list) and place.isdecimal() and int(place) < len(entries):
            dotted = f"{section}.{entries[int(place)].name}.{inner}"
        found[dotted] = source
    return found


def _hide(tree: Any, settings: Any, path: Sequence[str]) -> None:
    """Put stars in the place of a secret that is set, in every entry where the path leads through a list."""
    first, *rest = path
    if first == ANY:
        for entry, own in zip(tree, settings, strict=True):
            _hide(entry, own, rest)
    elif rest:
        _hide(tree[first], getattr(settings, first), rest)
    else:
        tree[first] = "***" if getattr(settings, first) else None
