"""Stores by URL. A store's own library is imported only when it is opened."""

from collections.abc import Callable
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError
from honeyguide.protocols import Store

OPENERS: Final = {"sqlite": "honeyguide.stores.sqlite:open_sqlite"}
"""Scheme of `storage.url` -> the function that opens it, called with the URL, the settings and the clock."""


def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the project's store, migrating its schema if need be; an empty `storage.url` is SQLite in project.data_dir.

    Raises `ConfigError` for a scheme that there is not, `Conflict` for data that a newer release has written."""
    url = settings.storage.url
    scheme = urlsplit(url).scheme if url else "sqlite"
    if scheme not in OPENERS:
        raise ConfigError(
            f"storage.url begins with {scheme!r}." if scheme else "storage.url has no scheme.",
            cure=f"The schemes are: {', '.join(sorted(OPENERS))}; for example sqlite:///data. "
            "Without storage.url, project.data_dir is used.",
        )
    module, _, name = OPENERS[scheme].partition(":")
    opener: Callable[[str, Settings, Clock], Store] = getattr(import_module(module), name)
    return opener(url, settings, clock)
