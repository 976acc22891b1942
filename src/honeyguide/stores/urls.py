"""Stores by URL. A store's own library is imported only when it is opened."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError
from honeyguide.protocols import Store

if TYPE_CHECKING:
    from honeyguide.stores.copying import End

OPENERS: Final = {
    "postgres": "honeyguide.stores.postgres:open_postgres",
    "postgresql": "honeyguide.stores.postgres:open_postgres",
    "sqlite": "honeyguide.stores.sqlite:open_sqlite",
}
"""Scheme of `storage.url` -> the function that opens it, called with the URL, the settings and the clock."""

TOOLS: Final = {
    "postgres": "honeyguide.stores.postgres.tools:open_tools",
    "postgresql": "honeyguide.stores.postgres.tools:open_tools",
    "sqlite": "honeyguide.stores.sqlite.tools:open_tools",
}
"""Scheme -> what `honeyguide db` works with, opened with the URL and the settings."""

EXTRAS: Final = {"psycopg": "postgres"}
"""Package -> the extra of ours that brings it."""


def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the project's store, migrating its schema if need be; an empty `storage.url` is SQLite in project.data_dir.

    Raises `ConfigError` for a scheme that there is not, `Conflict` for data that a newer release has written."""
    opener: Callable[[str, Settings, Clock], Store] = _named(settings.storage.url, OPENERS)
    return opener(settings.storage.url, settings, clock)


def open_tools(settings: Settings) -> "End":
    """What works on the project's database without being its store; nothing is created or migrated."""
    opener: Callable[[str, Settings], End] = _named(settings.storage.url, TOOLS)
    return opener(settings.storage.url, settings)


def _named(url: str, table: dict[str, str]) -> Any:
    """What `package.module:name` names, for the scheme of a URL."""
    scheme = url[: max(0, url.find(":"))] if url else "sqlite"
    if scheme not in table:
        raise ConfigError(
            f"storage.url begins with {scheme!r}." if scheme else "storage.url has no scheme.",
            cure=f"The schemes are: {', '.join(sorted(table))}; for example sqlite:///data. "
            "Without storage.url, project.data_dir is used.",
        )
    module, _, name = table[scheme].partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise ConfigError(
            f"storage.url needs the package {error.name}, which is not installed.",
            cure=f"Run: pip install 'honeyguide[{extra}]'",
            code="package_missing",
        ) from error
