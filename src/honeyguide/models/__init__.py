"""Models: a history in, scores out. Each is one file; `REGISTRY` finds it there.

Usable as a plain library: `Ease(l2=300).fit(interactions).scores(histories)`. Adding a model is adding a file with a class
derived from `Trained`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from honeyguide.models.trained import Trained
from honeyguide.protocols import Model

__all__ = ["REGISTRY"]


def _discover() -> dict[str, type[Model]]:
    found: dict[str, type[Model]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for thing in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(thing, type) and issubclass(thing, Trained) and thing is not Trained:
                found[thing.name] = thing
    return found


REGISTRY: Mapping[str, type[Model]] = MappingProxyType(_discover())
"""Name -> class of every model."""
