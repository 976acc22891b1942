"""Opens the shared cache that the settings name."""

from honeyguide.clock import Chance, Clock
from honeyguide.config.settings import Settings
from honeyguide.stores.redis import Limits, RedisCache, RedisMetrics


def open_redis(settings: Settings, clock: Clock, chance: Chance, metrics: RedisMetrics) -> RedisCache:
    """The cache at `redis.url`; nothing is asked of the server yet. Raises ConfigError for a URL that is none."""
    redis, cache = settings.redis, settings.cache
    longest = cache.ttl * (1 + cache.jitter) + cache.stale + cache.stale_on_error
    limits = Limits(connect=redis.connect_timeout, exchange=redis.timeout, connections=redis.connections)
    return RedisCache(
        redis.url,
        clock,
        chance.random,
        chance.getrandbits,
        metrics,
        limits,
        prefix=redis.prefix,
        cluster=redis.cluster,
        token_seconds=2 * longest,
    )
