"""Stores by URL. A store's own library is imported only when it is opened."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from honeyguide.clock import Chance, Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError
from honeyguide.protocols import SharedCache, Store

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

SHARED: Final = {
    "redis": "honeyguide.stores.redis.opening:open_redis",
    "rediss": "honeyguide.stores.redis.opening:open_redis",
}
"""Scheme of `redis.url` -> the function that opens it, called with settings, clock, chance and what counts its calls."""

EXTRAS: Final = {"psycopg": "postgres", "redis": "redis"}
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


def open_shared(settings: Settings, clock: Clock, chance: Chance, metrics: object) -> SharedCache | None:
    """The cache that processes share; None without `redis.url`. No server is asked for anything yet.

    Raises `ConfigError` for a URL that is none, and where the client library is missing."""
    url = settings.redis.url
    if not url:
        return None
    scheme = url.partition("://")[0]
    if scheme not in SHARED:
        raise ConfigError(
            "redis.url begins with neither redis:// nor rediss://.", cure="Write redis://[user:password@]host:port/0."
        )
    opener: Callable[..., SharedCache] = _imported(SHARED[scheme], "redis.url")
    return opener(settings, clock, chance, metrics)


def _named(url: str, table: dict[str, str]) -> Any:
    """What `package.module:name` names, for the scheme of a URL."""
    scheme = url[: max(0, url.find(":"))] if url else "sqlite"
    if scheme not in table:
        raise ConfigError(
            f"storage.url begins with {scheme!r}." if scheme else "storage.url has no scheme.",
            cure=f"The schemes are: {', '.join(sorted(table))}; for example sqlite:///data. "
            "Without storage.url, project.data_dir is used.",
        )
    return _imported(table[scheme], "storage.url")


def _imported(target: str, setting: str) -> Any:
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise ConfigError(
            f"{setting} needs the package {error.name}, which is not installed.",
            cure=f"Run: pip install 'honeyguide[{extra}]'",
            code="package_missing",
        ) from error
