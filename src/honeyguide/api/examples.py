"""One request and one answer for each route, for the OpenAPI document. Tests send every request and compare the shapes."""

from typing import Any, Final

import honeyguide

Json = dict[str, Any]

REQUEST_ID: Final = "01KAR8J5S0ZJ6M3W4T8N2Q7X5Y"
AT: Final = "2026-03-01T12:00:00Z"

EVENT: Final[Json] = {
    "type": "purchase",
    "user_id": "user_123",
    "item_id": "item_1",
    "event_id": "order-1001-1",
    "ts": AT,
    "value": 19.9,
    "quantity": 1,
    "request_id": REQUEST_ID,
}
TRACKED: Final[Json] = {"accepted": 1, "duplicates": 0, "rejected": [], "sequence": 1042}
BATCH_REPORT: Final[Json] = {
    "accepted": 1,
    "duplicates": 0,
    "rejected": [
        {"index": 1, "code": "missing_field", "pointer": "/user_id", "detail": "user_id is missing; every row has it."}
    ],
    "sequence": 1043,
}

SIMPLE: Final[Json] = {
    "user_id": "user_123",
    "items": ["item_7", "item_3"],
    "cached": False,
    "request_id": REQUEST_ID,
}
SIMPLE_BODY: Final[Json] = {
    "user_id": "user_123",
    "n": 2,
    "filters": {"category": "kitchen", "price": {"max": 50}},
    "model_name": "champion",
}
SIMPLE_RANKED: Final[Json] = {
    **SIMPLE,
    "recommendations": [
        {"item_id": "item_7", "score": 0.913204, "reason": "because you bought Teapot"},
        {"item_id": "item_3", "score": 0.771852, "reason": "popular with other shoppers"},
    ],
    "model_used": "ease@7",
}

QUERY: Final[Json] = {"user_id": "user_123", "n": 2, "surface": "home", "filters": {"category": ["kitchen", "garden"]}}
SLATE: Final[Json] = {
    "request_id": REQUEST_ID,
    "user_id": "user_123",
    "surface": "home",
    "items": [
        {
            "item_id": "item_7",
            "score": 0.913204,
            "rank": 1,
            "sources": ["model", "popular"],
            "reason": {
                "code": "because_of",
                "text": "because you bought Teapot",
                "item_id": "item_1",
                "type": "purchase",
                "share": 0.82,
            },
        }
    ],
    "served_from": "computed",
    "cached": False,
    "stale": False,
    "as_of": 1042,
    "model": "ease@7",
    "rung": "personal",
    "degraded": [],
    "next_cursor": "aGcyOjI6ZWQ3ODE4NTY1OWQxYTI2Zg==",
    "empty_because": None,
    "trace": None,
    "unknown": [],
}
NEIGHBOURS: Final[Json] = {
    "user_id": "user_123",
    "users": [{"user_id": "user_77", "score": 0.62, "shared": 4}],
    "as_of": 1042,
    "rows": 1042,
}
RANKING: Final[Json] = {
    **SLATE,
    "surface": "rank",
    "next_cursor": None,
    "unknown": ["item_9"],
    "left_out": ["item_4"],
}
SESSION_SLATE: Final[Json] = {**SLATE, "user_id": "", "rung": "session", "next_cursor": None}
LIST_SLATE: Final[Json] = {
    **SLATE,
    "user_id": "",
    "surface": "trending",
    "items": [
        {
            "item_id": "item_7",
            "score": 1.0,
            "rank": 1,
            "sources": ["trending", "popular"],
            "reason": {"code": "trending", "text": "rising now"},
        }
    ],
    "rung": "popular",
}
RECORD: Final[Json] = {
    "request_id": REQUEST_ID,
    "served_at": AT,
    "user_id": "user_123",
    "surface": "home",
    "items": ["item_7", "item_3"],
    "n": 2,
    "served_from": "l1",
    "rung": "personal",
    "model": "ease@7",
    "as_of": 1042,
    "computed_at": AT,
    "seed": 3735928559,
    "config": "9f2c1a7e",
    "arm": "",
    "served_arm": "",
    "assigned": [],
    "propensities": [],
    "explored": "none",
    "degraded": [],
    "late": [],
    "context": {},
}
EXPLANATION: Final[Json] = {
    "request_id": REQUEST_ID,
    "served": ["item_7"],
    "replayed": ["item_7"],
    "matches": True,
    "items": SLATE["items"],
    "trace": {"sources": {"model": 600, "popular": 200}},
    "slate": {"request_id": REQUEST_ID, "surface": "home"},
}

ITEM_BODY: Final[Json] = {
    "title": "Teapot",
    "categories": ["kitchen"],
    "price": 24.5,
    "url": "https://shop.example/teapot",
    "available": True,
    "created_at": AT,
    "properties": {"colour": "blue"},
}
ITEM: Final[Json] = {
    "item_id": "item_1",
    "title": "Teapot",
    "categories": ["kitchen"],
    "price": 24.5,
    "image_url": None,
    "url": "https://shop.example/teapot",
    "available": True,
    "hidden": False,
    "created_at": AT,
    "properties": {"colour": "blue"},
    "vector": None,
    "sequence": 1001,
}
ITEMS_REPORT: Final[Json] = {"accepted": 2, "duplicates": 0, "rejected": [], "sequence": 1003}
WRITTEN: Final[Json] = {"accepted": 1, "sequence": 1044}
USER: Final[Json] = {"user_id": "user_123", "canonical_id": None, "properties": {"country": "PT"}, "sequence": 1040}
HISTORY: Final[Json] = {
    "user_id": "user_123",
    "known": True,
    "as_of": 1042,
    "properties": {"country": "PT"},
    "items": [{"item_id": "item_1", "type": "purchase", "ts": AT, "value": 24.5, "sequence": 1042}],
}
CONFIGURATION: Final[Json] = {
    "settings": {"server": {"host": "127.0.0.1", "port": 9000}},
    "sources": {"server.host": "default", "server.port": "honeyguide.toml:4"},
}
MERGED: Final[Json] = {
    "canonical_id": "user_123",
    "user_ids": ["visitor_9f2c", "user_123"],
    "accepted": 1,
    "sequence": 1045,
    "unknown": [],
}

VERSION: Final[Json] = {
    "model": "ease",
    "version": 7,
    "created_at": AT,
    "trained_through": 1000,
    "metrics": {"ndcg": 0.31},
    "aliases": ["champion"],
}
LINEAGE: Final[Json] = {
    "through": 1000,
    "first": 1_690_000_000_000,
    "last": 1_700_000_000_000,
    "interactions": 960,
    "users": 80,
    "items": 40,
    "config": "8f14e45fceea",
    "release": "0.4.2",
    "seed": 0,
    "params": {"l2": 300.0},
    "parent": "ease@6",
    "warm_start": False,
    "companions": {"popular": "popular@7"},
    "rankers": {"home": {"from": "history", "lists": 2000, "no_slates": "12 served lists are too few"}},
    "gain": [0.05, 0.02, 0.08],
    "gain_metric": "served_ndcg@20",
}
RULE_BODY: Final[Json] = {
    "kind": "boost",
    "where": '"kitchen" in item.categories',
    "factor": 1.5,
    "surface": "home",
    "starts_at": "2026-12-01T00:00:00Z",
    "owner": "ann",
}
RULE: Final[Json] = {
    "name": "winter-sale",
    "kind": "boost",
    "surface": "home",
    "where": '"kitchen" in item.categories',
    "factor": 1.5,
    "item_id": None,
    "slot": None,
    "percent": None,
    "starts_at": "2026-12-01T00:00:00.000Z",
    "ends_at": None,
    "owner": "ann",
    "note": "",
    "enabled": True,
    "revision": 1,
    "changed_at": "2026-11-20T09:00:00.000Z",
    "active": False,
    "warnings": [],
}
RULE_HISTORY: Final[Json] = {
    "items": [{"revision": 1, "changed_at": "2026-11-20T09:00:00.000Z", "changed_by": "ann", "rule": RULE}],
    "next_cursor": None,
}
PREVIEW: Final[Json] = {
    "matches": 12,
    "items": 300,
    "warnings": [],
    "users": [
        {
            "user_id": "user_123",
            "surface": "home",
            "before": ["item_1", "item_2"],
            "after": ["item_2", "item_7"],
            "gone": ["item_1"],
            "new": ["item_7"],
            "because": None,
        }
    ],
}
ALIAS: Final[Json] = {"alias": "champion", "model": "ease", "version": 7, "serving": "ease@7"}
JOB: Final[Json] = {
    "job_id": "01KAR8K2V0D3B5F7H9JBMDPFSH",
    "kind": "train",
    "state": "running",
    "created_at": AT,
    "started_at": AT,
    "finished_at": None,
    "progress": 0.4,
    "message": "fit ease",
    "params": {},
    "result": {},
}
ERASURE: Final[Json] = {
    **JOB,
    "kind": "erase",
    "state": "queued",
    "started_at": None,
    "progress": 0.0,
    "message": "",
    "params": {"users": ["0c1f5c4f5f0f1f8f0c7c0d2a4b6e8f90"]},
}
FEATURE: Final[Json] = {"value": 3.0, "status": "present", "event_time": AT, "computed_at": AT, "as_of": 1044}
FEATURES_BODY: Final[Json] = {"user_ids": ["user_123"], "item_ids": ["item_1"], "views": ["total_purchases", "clicks_1d"]}
FEATURES: Final[Json] = {
    "as_of": 1044,
    "users": {"user_123": {"total_purchases": FEATURE}},
    "items": {"item_1": {"clicks_1d": {**FEATURE, "as_of": 1040}}},
}
VIEW: Final[Json] = {
    "name": "total_purchases",
    "entity": "user",
    "kind": "count",
    "events": ["purchase"],
    "over": [],
    "of": "",
    "window": None,
    "ttl": 300.0,
    "compared": 200,
    "mismatches": 0,
}
VIEWS: Final[Json] = {
    "items": [VIEW],
    "next_cursor": None,
    "position": 1044,
    "users_through": 1044,
    "items_through": 1044,
}
SYSTEM: Final[Json] = {
    "version": honeyguide.__version__,
    "python": "3.11.7",
    "started_at": AT,
    "uptime_seconds": 86400.0,
    "position": 1044,
    "config": "9f2c1a7e",
    "aliases": {"champion": "ease@7"},
    "refused": {},
    "surfaces": ["home", "popular", "similar"],
    "protected": True,
}


_CTR: Final[Json] = {"name": "ctr", "value": 0.064, "low": 0.062, "high": 0.066, "n": 61_200, "unit": "share"}
_CTR_MEANS: Final[Json] = {"means": "clicked of the items shown", "before": 0.061}
_PART: Final[Json] = {
    "name": "ease@7",
    "requests": 6_120,
    "shown": 61_200,
    "clicks": 3_917,
    "ctr": 0.064,
    "ctr_low": 0.062,
    "ctr_high": 0.066,
    "conversions": 1_408,
    "conversion": 0.023,
    "latency_p95": 0.004,
    "hit_rate": 0.86,
    "coverage": 0.71,
    "diversity": 0.74,
    "offline": 0.093,
}

QUALITY: Final[Json] = {
    "since": AT,
    "until": AT,
    "computed_at": AT,
    "k": 10,
    "surface": "home",
    "arm": "",
    "model": "",
    "basis": "impressions",
    "least_shown": 1000,
    "targets": [{**_CTR, **_CTR_MEANS, "target": 0.05, "at_most": False, "met": True, "trend": [0.061, 0.064]}],
    "measures": [{**_CTR, **_CTR_MEANS, "better": "higher"}],
    "per": "hour",
    "course": [{"starts_at": AT, "settled": False, "figures": {"requests": 6_120, "ctr": 0.064}}],
    "positions": [{"position": 1, "shown": 6_120, "clicks": 720, "ctr": 0.118}],
    "surfaces": [{**_PART, "name": "home", "offline": None}],
    "arms": [],
    "models": [_PART],
    "features": [
        {"name": "item.price", "psi": 0.41, "floor": 0.002, "n": 9_800, "reference_n": 12_400, "moved": True},
    ],
    "scores": [],
    "agreement": None,
}


def page(row: Json) -> Json:
    """A page of one row, the last one."""
    return {"items": [row], "next_cursor": None}


CACHE: Final[Json] = {
    "processes": 1,
    "host": "shop-1",
    "pid": 4711,
    "tiers": [
        {
            "tier": "l1",
            "entries": 812,
            "bytes": 6_430_000,
            "bound": 256_000_000,
            "hits": 9_120,
            "stale": 240,
            "misses": 640,
            "unverified": 0,
            "hit_rate": 0.912,
            "stale_rate": 0.024,
            "evictions": {"expired": 17},
            "unreadable": 0,
        }
    ],
    "made": {
        "computed": 880,
        "coalesced": 12,
        "refreshed": 240,
        "refreshes_dropped": 0,
        "refused": 3,
        "failed": 0,
        "old_served": 0,
        "warmed": {"start": 500},
        "invalidated": {"hard_event": 310, "soft_event": 1_480},
    },
    "shared": None,
}
STANDING: Final[Json] = {
    "user_id": "user_123",
    "surface": "home",
    "n": 2,
    "verdict": "stale",
    "reason": "stale: the user's view of item_1 came after it was made (log position 1044, 12 s ago)",
    "shared_name": "",
    "trusted": True,
    "hard_set_by": 1031,
    "soft_set_by": 1044,
    "copies": [
        {
            "tier": "l1",
            "state": "stale",
            "age_seconds": 19.2,
            "fresh_for_seconds": 41.3,
            "usable_for_seconds": 3641.3,
            "same_hard": True,
            "same_soft": False,
            "same_epoch": True,
            "model": "ease@7",
            "as_of": 1031,
            "bytes": 7_800,
        }
    ],
    "request": None,
}
CLEARED: Final[Json] = {"cleared": "user", "user_ids": ["user_123"], "reach": "process"}
