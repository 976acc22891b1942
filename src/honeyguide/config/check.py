"""Checks across settings: names that one part uses and another declares."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from honeyguide.config.features import feature_faults
from honeyguide.config.given import Fault
from honeyguide.config.metric_faults import metric_faults
from honeyguide.config.settings import Settings, Surface
from honeyguide.config.surfaces import surface_faults
from honeyguide.config.table import nearest

SEEN = "seen"
"""In a surface's `exclude`: any event at all, so no event type may have this name."""

_MODEL = re.compile(r"[a-z][a-z0-9_-]{0,63}(@[1-9][0-9]*)?")


def cross_check(
    settings: Settings, models: Collection[str] | None = None, sources: Collection[str] | None = None
) -> list[Fault]:
    """All faults of `settings` that no single value shows. Names of models and sources are looked up where these are."""
    return [
        *_processes(settings),
        *_event_types(settings),
        *_surfaces(settings),
        *surface_faults(settings, sources),
        *_segments(settings),
        *_cache(settings),
        *_redis(settings),
        *_recommend(settings),
        *feature_faults(settings),
        *_external(settings, sources or ()),
        *_attribution(settings),
        *metric_faults(settings.metrics, settings.events.all_types()),
        *_models(settings, models),
    ]


def _processes(settings: Settings) -> Iterator[Fault]:
    workers = settings.server.workers
    if workers > 1 and not settings.redis.url:
        problem = (
            f"server.workers is {workers}, but without Redis one process would not know what another has made invalid;"
            ' set redis.url = "redis://127.0.0.1:6379/0", or server.workers = 1'
        )
        yield Fault(("server", "workers"), problem)


def _event_types(settings: Settings) -> Iterator[Fault]:
    for name in settings.events.types:
        path = ("events", "types", name)
        if not (0 < len(name) <= 64 and name.isprintable() and name == name.strip()):
            allowed = "1 to 64 printable characters, no space at either end"
            yield Fault(path, f"events.types: {name!r} is not a name of an event type; allowed: {allowed}")
        elif name == SEEN:
            yield Fault(path, "events.types: 'seen' means 'any event' in a surface's exclude; choose another name")


def _surfaces(settings: Settings) -> Iterator[Fault]:
    known = set(settings.events.all_types())
    names = Counter(surface.name for surface in settings.surfaces)
    for index, surface in enumerate(settings.surfaces):
        label = f"surfaces[{index}] ({surface.name})"
        if names[surface.name] > 1:
            yield Fault(("surfaces", index, "name"), f"{label}: {names[surface.name]} surfaces have this name")
        yield from types_of(surface, index, label, known)
        if not _MODEL.fullmatch(surface.model):
            problem = f"{label}: model is {surface.model!r}; allowed: an alias such as champion, or name@version"
            yield Fault(("surfaces", index, "model"), problem)


def types_of(surface: Surface, index: int, label: str, known: set[str]) -> Iterator[Fault]:
    """Names of event types that a surface uses and that are not declared."""
    for key, names, allowed in (("exclude", surface.exclude, known | {SEEN}), ("invalidate", surface.invalidate, known)):
        for name in names:
            if name not in allowed:
                cure = nearest(name, allowed) or f"; declare it: [events.types.{name}]"
                yield Fault(("surfaces", index, key), f"{label}: {key} names the unknown event type {name!r}{cure}")


def _external(settings: Settings, sources: Collection[str]) -> Iterator[Fault]:
    """What is wrong with sources outside; `sources` are the names that are taken."""
    names = Counter(source.name for source in settings.external)
    for index, source in enumerate(settings.external):
        path, label = ("external", index), f"external[{index}] ({source.name})"
        if names[source.name] > 1 or source.name in sources:
            yield Fault((*path, "name"), f"{label}: another source has this name")
        if source.is_service and source.query:
            yield Fault((*path, "query"), f"{label}: query is for databases, and url is that of a service; take one away")
        if not source.is_service and not source.query:
            problem = (
                "url is that of no service (https://...), and a database needs a query, such as SELECT item_id FROM picks"
            )
            yield Fault((*path, "query"), f"{label}: {problem}")


def _segments(settings: Settings) -> Iterator[Fault]:
    attributes = settings.segments.attributes
    if len(set(attributes)) != len(attributes) or not all(attributes):
        problem = "segments.attributes must be one or two different names of user attributes"
        yield Fault(("segments", "attributes"), problem)


def _cache(settings: Settings) -> Iterator[Fault]:
    cache = settings.cache
    if cache.ttl == 0:
        yield Fault(("cache", "ttl"), "cache.ttl is 0: no list would ever be fresh; write at least 1s")
    if cache.warm_users and not cache.warm_time:
        problem = "cache.warm_time is 0, so that none of cache.warm_users could be made; write 10s, or cache.warm_users = 0"
        yield Fault(("cache", "warm_time"), problem)
    if settings.redis.url and cache.value_size > cache.l1_size:
        problem = f"cache.value_size ({cache.value_size}B) is above cache.l1_size ({cache.l1_size}B): none could be kept"
        yield Fault(("cache", "value_size"), problem)
    if cache.refreshes > cache.computations:
        problem = (
            f"cache.refreshes is {cache.refreshes}, above cache.computations ({cache.computations}):"
            " work behind answers would take all of the room"
        )
        yield Fault(("cache", "refreshes"), problem)


def _redis(settings: Settings) -> Iterator[Fault]:
    redis = settings.redis
    scheme, _, rest = redis.url.partition("://")
    if not redis.url:
        if redis.cluster:
            yield Fault(("redis", "cluster"), "redis.cluster is set without redis.url; name one of its nodes there")
        return
    if scheme not in ("redis", "rediss") or not rest:
        cure = "write redis://[user:password@]host:port/0, or rediss:// for TLS"
        yield Fault(("redis", "url"), f"redis.url begins with neither redis:// nor rediss://; {cure}")
    elif redis.cluster and urlsplit(redis.url).path.strip("/") not in ("", "0"):
        yield Fault(("redis", "url"), "redis.url names a database number, and a cluster has none; leave it out")
    for name, seconds in (("timeout", redis.timeout), ("connect_timeout", redis.connect_timeout)):
        if not 0.001 <= seconds <= 10:
            yield Fault(("redis", name), f"redis.{name} is {seconds:g} s; allowed: 1ms to 10s, such as 50ms")


def _recommend(settings: Settings) -> Iterator[Fault]:
    recommend = settings.recommend
    if recommend.remembered < recommend.history:
        problem = (
            f"recommend.remembered is {recommend.remembered}, below recommend.history ({recommend.history}):"
            " exclusions must look at no less than models do"
        )
        yield Fault(("recommend", "remembered"), problem)


def _attribution(settings: Settings) -> Iterator[Fault]:
    known = set(settings.events.all_types())
    for name in settings.training.attribution:
        if name not in known:
            cure = nearest(name, known) or f"; declare it: [events.types.{name}]"
            yield Fault(
                ("training", "attribution", name), f"training.attribution names the unknown event type {name!r}{cure}"
            )


def _models(settings: Settings, models: Collection[str] | None) -> Iterator[Fault]:
    train = settings.models.train
    if not train:
        yield Fault(("models", "train"), "models.train is empty; name at least one model, such as 'popular'")
    for name, count in Counter(train).items():
        if count > 1:
            yield Fault(("models", "train"), f"models.train names {name!r} {count} times")
        if models is not None and name not in models:
            yield Fault(("models", "train"), _no_model("models.train", name, models))
    if models is not None:
        yield from _unknown_models(settings, models)


def _unknown_models(settings: Settings, models: Collection[str]) -> Iterator[Fault]:
    for name in settings.models.voices if "voices" in settings.models.model_fields_set else ():
        if name not in models:
            yield Fault(("models", "voices"), _no_model("models.voices", name, models))
    for name in settings.models.params:
        if name not in models:
            yield Fault(("models", "params", name), _no_model("models.params", name, models))
    for index, surface in enumerate(settings.surfaces):
        name, at, _ = surface.model.partition("@")
        if at and name not in models:
            path = ("surfaces", index, "model")
            yield Fault(path, _no_model(f"surfaces[{index}] ({surface.name}): model", name, models))


def _no_model(where: str, name: str, models: Collection[str]) -> str:
    return f"{where} names the unknown model {name!r}{nearest(name, models) or '; there are ' + ', '.join(sorted(models))}"
