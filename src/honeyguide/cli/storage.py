"""How commands reach the tables without making a whole runtime: registry, jobs, log position."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from honeyguide.cli.opening import configuration, require_data
from honeyguide.clock import Clock, SystemClock
from honeyguide.config import LoadedConfig
from honeyguide.protocols import Artefacts, Store
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.urls import open_store


@dataclass(frozen=True, slots=True)
class Stored:
    """An open store and the model files beside it."""

    store: Store
    artefacts: Artefacts
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
        yield Stored(store, FileArtefacts(loaded.settings.project.data_dir / "models"), loaded, clock)
    finally:
        store.close()
