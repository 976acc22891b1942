"""honeyguide: events in, personal lists out.

Three verbs, three rooms; start reading there:

    ingest/     validate, dedupe, append to the log, replace the user's tokens
    recommend/  cache, state, candidates, score, select, late filter, log
    train/      snapshot, split, fit, evaluate, gate, publish

`Honeyguide` is all three as a library.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Honeyguide": "honeyguide.library",
    "FeatureView": "honeyguide.config.settings",
    "FunctionView": "honeyguide.config.features",
    "Settings": "honeyguide.config",
    "HoneyguideError": "honeyguide.errors",
    "Item": "honeyguide.types",
    "User": "honeyguide.types",
}

__all__ = ["FeatureView", "FunctionView", "Honeyguide", "HoneyguideError", "Item", "Settings", "User", "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import honeyguide` costs nothing."""
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'honeyguide' has no attribute {name!r}")
