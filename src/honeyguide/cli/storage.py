"""How commands reach the tables without making a whole runtime: registry, jobs, log position."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from honeyguide.cli.opening import configuration, require_data
from honeyguide.clock import Clock, SystemClock
from honeyguide.config import LoadedConfig
from honeyguide.protocols import Artefacts, Store
from honeyguide.stores.files import FileArtefacts, FileSearches
from honeyguide.stores.urls import open_store
from honeyguide.train import Searches


@dataclass(frozen=True, slots=True)
class Stored:
    """An open store, and the model files and searches beside it."""

    store: Store
    artefacts: Artefacts
    searches: Searches
    loaded: LoadedConfig
    clock: Clock


@contextlib.contextmanager
def storage(context: typer.Context) -> Iterator[Stored]:
    """The store of this call's project; raises NotFound if there is none yet."""
    loaded = configuration(context)
    require_data(loaded)
    with opened(loaded) as found:
        yield found


@contextlib.contextmanager
def opened(loaded: LoadedConfig) -> Iterator[Stored]:
    """The store of a configuration."""
    clock = SystemClock()
    store = open_store(loaded.settings, clock)
    try:
        folder = loaded.settings.project.data_dir
        yield Stored(store, FileArtefacts(folder / "models"), FileSearches(folder / "searches"), loaded, clock)
    finally:
        store.close()
