"""The measures once more, slowly and plainly, one list and one event at a time: what the fast fold is compared with."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from honeyguide.config.quality import Quality
from honeyguide.types import Item, Json, LogRow, ServedSlate

HIT = ("l1", "l2", "stale", "stale-error")
WARM = ("personal", "session", "similar")


def within(event: LogRow, slate: ServedSlate, seconds: float) -> bool:
    return slate.ts - 60_000 <= event.ts <= slate.ts + seconds * 1000


def events_on(slate: ServedSlate, events: Sequence[LogRow], types: Sequence[str], seconds: float) -> list[LogRow]:
    return [
        event
        for event in events
        if event.type in types and event.request_id == slate.request_id and within(event, slate, seconds)
    ]


def places_seen(slate: ServedSlate, events: Sequence[LogRow], payloads: dict[str, Json], rules: Quality) -> set[int]:
    found: set[int] = set()
    for event in events_on(slate, events, ["impression"], rules.click_window):
        told = payloads[event.event_id]
        found |= {place for place, item in enumerate(slate.items) if item in told.get("items", [])}
        found |= {place for place in range(len(slate.items)) if place + 1 in told.get("positions", [])}
    return found


def conversions(
    slate: ServedSlate, slates: Sequence[ServedSlate], events: Sequence[LogRow], rules: Quality
) -> dict[str, float]:
    """item -> revenue that counts for this list."""
    found: dict[str, float] = {}
    by_id = {each.request_id: each for each in slates}
    for event in sorted(events, key=lambda each: (each.ts, each.sequence)):
        if event.type not in rules.conversions or event.item_id not in slate.items or event.item_id is None:
            continue
        named = by_id.get(event.request_id or "")
        own = named is not None and event.item_id in named.items
        if own:
            touched = event.request_id
        else:
            before = [
                click
                for click in events
                if click.type in rules.clicks
                and click.request_id
                and (click.user_id, click.item_id) == (event.user_id, event.item_id)
                and (click.ts, click.sequence) < (event.ts, event.sequence)
            ]
            touched = max(before, key=lambda click: (click.ts, click.sequence)).request_id if before else None
        if touched == slate.request_id and within(event, slate, rules.conversion_window):
            found[event.item_id] = found.get(event.item_id, 0.0) + (event.value or 0.0)
    return found


def figures(
    slates: Sequence[ServedSlate],
    every: Sequence[ServedSlate],
    events: Sequence[LogRow],
    payloads: dict[str, Json],
    items: dict[str, Item],
    known_to: dict[str, int],
    users: int,
    rules: Quality,
) -> dict[str, Any]:
    """The figures of `slates`, which are some of `every`."""
    seen = {slate.request_id: places_seen(slate, events, payloads, rules) for slate in every}
    telling = {slate.surface for slate in every if seen[slate.request_id]}
    shown: list[tuple[ServedSlate, str, int]] = []
    clicks: set[tuple[str, str]] = set()
    bought: dict[tuple[str, str], float] = {}
    carted: set[tuple[str, str]] = set()
    for slate in slates:
        clicked = {e.item_id for e in events_on(slate, events, rules.clicks, rules.click_window)} & set(slate.items)
        in_cart = {e.item_id for e in events_on(slate, events, ["add_to_cart"], rules.conversion_window)} & set(slate.items)
        gains = conversions(slate, every, events, rules)
        for place, item in enumerate(slate.items):
            acted = item in clicked or item in gains or item in in_cart
            if slate.surface not in telling or place in seen[slate.request_id] or acted:
                shown.append((slate, item, place + 1))
        clicks |= {(slate.request_id, str(item)) for item in clicked}
        carted |= {(slate.request_id, str(item)) for item in in_cart}
        bought |= {(slate.request_id, item): gain for item, gain in gains.items()}
    eligible = {name for name, item in items.items() if item.available}
    exposures = Counter(item for _, item, place in shown if place <= rules.k)
    distances, entropies, novelties = [], [], []
    for slate in slates:
        first = slate.items[: rules.k]
        if len(first) > 1:
            distances.append(sum(distance(items[a], items[b]) for a, b in combinations(first, 2)) / math.comb(len(first), 2))
        if first:
            shares = [count / len(first) for count in Counter(items[item].categories[0] for item in first).values()]
            entropies.append(-sum(share * math.log2(share) for share in shares))
            novelties.append(sum(-math.log2((known_to[item] + 1) / (users + 2)) for item in first) / len(first))
    chosen = sum(n * n for n in known_to.values()) / max(1, sum(known_to.values()))
    return {
        "requests": len(slates),
        "shown": len(shown),
        "clicks": len(clicks),
        "conversions": len(bought),
        "revenue": sum(bought.values()),
        "ctr": ratio(len(clicks), len(shown)),
        "conversion": ratio(len(bought), len(shown)),
        "conversion_per_click": ratio(len(bought), len(clicks)),
        "add_to_cart": ratio(len(carted), len(shown)),
        "hit_rate": ratio(sum(slate.served_from in HIT for slate in slates), len(slates)),
        "cold_users": ratio(sum(slate.rung not in WARM for slate in slates), len(slates)),
        "coverage": ratio(len(eligible & exposures.keys()), len(eligible)) if shown else None,
        "diversity": ratio(sum(distances), len(distances)),
        "category_entropy": ratio(sum(entropies), len(entropies)),
        "novelty": ratio(sum(novelties), len(novelties)),
        "popularity_lift": ratio(sum(known_to[item] for _, item, _ in shown) / chosen, len(shown), less=1.0)
        if chosen
        else None,
        "exposure_gini": gini([exposures[item] for item in eligible]),
        "cold_items": ratio(sum(known_to[item] == 0 for _, item, _ in shown), len(shown)),
        "new_items": ratio(
            sum(0 <= slate.ts - (items[item].created_at or 0) < 7 * 86_400_000 for slate, item, _ in shown), len(shown)
        ),
        "users": len({slate.user_id for slate in slates}),
    }


def distance(one: Item, other: Item) -> float:
    a, b = set(one.categories), set(other.categories)
    return 1 - len(a & b) / len(a | b)


def ratio(part: float, whole: float, less: float = 0.0) -> float | None:
    return part / whole - less if whole else None


def gini(counts: list[int]) -> float | None:
    """By its definition: the mean difference of all pairs, over twice the mean."""
    total, n = sum(counts), len(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * total) if total else None
