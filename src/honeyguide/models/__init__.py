"""Models: a history in, scores out. Each is one file; `REGISTRY` finds it there.

Usable as a plain library: `Ease(l2=300).fit(interactions).scores(histories)`. Adding a model is adding a file with a class
derived from `Trained`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from honeyguide.errors import ConfigError
from honeyguide.models.trained import Trained
from honeyguide.protocols import Model

__all__ = ["REGISTRY", "quick", "untrained"]


def _discover() -> dict[str, type[Model]]:
    found: dict[str, type[Model]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for thing in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(thing, type) and issubclass(thing, Trained) and "name" in vars(thing):  # else it is a frame
                found[thing.name] = thing
    return found


REGISTRY: Mapping[str, type[Model]] = MappingProxyType(_discover())
"""Name -> class of every model."""


def quick() -> list[str]:
    """The models that are fitted where none are named: those whose fit is a matter of seconds."""
    return [name for name, kind in REGISTRY.items() if getattr(kind, "quick", True)]


def untrained(name: str, params: Mapping[str, Any] | None = None) -> Model:
    """The model `name` with these hyper-parameters, else its defaults. Raises `ConfigError` for an unknown name or value."""
    if name not in REGISTRY:
        raise ConfigError(f"There is no model {name!r}.", cure=f"{_nearest(name, REGISTRY)}Known: {', '.join(REGISTRY)}.")
    known = REGISTRY[name]().params()
    for key in params or {}:
        if key not in known:
            hint = f"{_nearest(key, known)}{name} takes: {', '.join(known)}."
            raise ConfigError(f"models.params.{name}.{key} is not a hyper-parameter.", cure=hint)
    return REGISTRY[name](**(params or {}))


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}? " if near else ""
