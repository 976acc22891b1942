"""One short name for everything in the configuration that a list depends on."""

import hashlib
import json

from honeyguide.config.settings import Settings


def settings_fingerprint(settings: Settings) -> str:
    """12 hex digits of SHA-256 over event types, segments, the request path, surfaces and models.

    It stays the same when a server or logging setting changes, when a default is written out, and when tables are
    put in another order.
    """
    content = {
        "events": {name: kind.model_dump(mode="json") for name, kind in settings.events.all_types().items()},
        "rating_middle": settings.events.rating_middle,
        "segments": settings.segments.model_dump(mode="json"),
        "recommend": settings.recommend.model_dump(mode="json"),
        "surfaces": {name: surface.model_dump(mode="json") for name, surface in settings.all_surfaces().items()},
        "models": settings.models.model_dump(mode="json"),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
