"""All views of a project as plans, those that were made in Python included.

A view in Python is named in the local configuration (`feature_store.python = ["shop_views:weekend"]`) and imported when
the project is opened. Nothing that comes over the network names code.
"""

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from honeyguide.config import Settings
from honeyguide.config.features import all_views, view_faults
from honeyguide.config.settings import FeatureView
from honeyguide.config.table import nearest
from honeyguide.errors import ConfigError, FieldError
from honeyguide.features.plan import Plan
from honeyguide.features.values import UNCOUNTED, Failures

_POINTER = "/feature_store/python"


def plans_of(settings: Settings, failures: Failures = UNCOUNTED) -> dict[str, Plan]:
    """The plans of users (`user`) and items (`item`). Raises ConfigError for views in Python that do not fit.

    `failures` counts, by view, how often a function of one has failed."""
    views = [*all_views(settings).values(), *python_views(settings)]
    return {"user": Plan("user", views, failures), "item": Plan("item", views, failures)}


def python_views(settings: Settings) -> list[FeatureView]:
    """The views that the configuration names by module; raises ConfigError saying what is wrong with which."""
    names, types = set(all_views(settings)), settings.events.all_types()
    views: list[FeatureView] = []
    for target in settings.feature_store.python:
        for view in _imported(target):
            if view.name in names:
                raise _fault(f"{target}: a view named {view.name!r} is there already; choose another name")
            for _, problem in view_faults(view, types):
                raise _fault(f"{target}: {view.name}: {problem}")
            names.add(view.name)
            views.append(view)
    return views


def _imported(target: str) -> Iterable[FeatureView]:
    module_name, colon, name = target.partition(":")
    if not (colon and name.isidentifier() and all(part.isidentifier() for part in module_name.split("."))):
        raise _fault(f"{target!r} is no module:name, such as shop_views:weekend")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # the console script does not look in the current folder by itself
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _fault(f"{target}: {error}; it is looked for in the current folder and among installed packages") from error
    if not hasattr(module, name):
        raise _fault(f"{target}: {module_name} has no {name!r}{nearest(name, vars(module))}")
    found = getattr(module, name)
    views = list(found) if isinstance(found, list | tuple) else [found]
    for view in views:
        if not isinstance(view, FeatureView):
            raise _fault(f"{target} is {type(view).__name__}; it must be a FeatureView, a FunctionView or a list of them")
    return views


def _fault(problem: str) -> ConfigError:
    detail = f"feature_store.python: {problem}"
    return ConfigError(f"{detail}.", errors=[FieldError(_POINTER, detail)])
