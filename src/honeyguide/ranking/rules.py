"""Rules at work: which are in force, what they filter, weigh, promote and pin. Pure functions of rules and arrays."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from honeyguide.expressions import Expression
from honeyguide.messages import Reason, Rule, SlateItem
from honeyguide.protocols import Request, Source
from honeyguide.protocols.rules import NO_RULES, InForce, Ruled
from honeyguide.ranking.seen import Seen, seen_by
from honeyguide.types import BoolArray, FloatArray, Found, IntArray, Pool

EVERYWHERE: Final = "*"
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100.0
"""Bounds of what all weights of an item together may come to."""
_PROMOTED: Final = 200
"""How many candidates each promotion brings."""

Read = Callable[[str], Expression]


def in_force(rules: Sequence[Rule], surface: str, now: int, read: Read) -> InForce:
    """The rules of a surface at a moment (ms); `read` makes a condition of a text."""
    here = [rule for rule in rules if rule.enabled and rule.surface in (surface, EVERYWHERE)]
    boundaries = [at for rule in here for at in (rule.starts_at, rule.ends_at) if at is not None and at > now]
    until = min(boundaries, default=0)
    active = [Ruled(rule, read(rule.where) if rule.where else None) for rule in here if is_active(rule, now)]
    if not active:
        return InForce(until=until) if until else NO_RULES
    filters = _of(active, "filter")
    late = tuple(each for each in filters if each.where is not None and not each.where.looks_at("user."))
    pins = tuple(sorted(_of(active, "pin"), key=lambda each: (each.rule.slot or 0, _generality(each.rule), each.rule.name)))
    strict = [each for each in filters if each not in late] + list(pins)
    return InForce(
        filters=filters,
        weights=_of(active, "boost", "bury"),
        promotions=_of(active, "promote"),
        pins=pins,
        late=late,
        until=until,
        digest=_digest(active),
        strict=_digest(strict) if strict else b"",
    )


def is_active(rule: Rule, now: int) -> bool:
    """Whether a rule is in force at a moment (ms)."""
    return rule.enabled and (rule.starts_at or 0) <= now and (rule.ends_at is None or now < rule.ends_at)


def _of(active: Sequence[Ruled], *kinds: str) -> tuple[Ruled, ...]:
    return tuple(each for each in active if each.rule.kind in kinds)


def _generality(rule: Rule) -> tuple[bool, bool]:
    """A pin for one surface goes before one for all, one with a condition before one without."""
    return rule.surface == EVERYWHERE, not rule.where


def _digest(rules: Sequence[Ruled]) -> bytes:
    return hashlib.blake2b("\n".join(sorted(each.label for each in rules)).encode(), digest_size=16).digest()


class RuleFilter:
    """The filter rules of the surface: an item must pass all of them."""

    name = "rules"

    def keep(self, request: Request) -> BoolArray | None:
        """True where every one of them holds."""
        filters = request.rules.filters
        return passing(filters, seen_by(request)) if filters else None


def passing(filters: Sequence[Ruled], seen: Seen) -> BoolArray:
    """bool [items]: where all of these filters hold."""
    mask = np.ones(len(seen.items), np.bool_)
    for each in filters:
        if each.where is not None:
            mask &= seen.holds(each.where)
    return mask


class PinSource:
    """The pinned items, so that they are there to be moved."""

    name = "pinned"
    slow = False

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Their rows, in order of slots."""
        rows = np.array([row for row, _ in pinned(request.rules.pins, seen_by(request))], np.int32)
        return Found(rows[allowed[rows]])


class PromotedSource:
    """What promotions want to see in the list: the best of the items that they are about, for this user."""

    name = "promoted"
    slow = True

    def __init__(self, finders: Sequence[Source]) -> None:
        """`finders` are the sources of the recipe, the first the best: they are asked once more, for these items alone."""
        self._finders = tuple(finders)

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of up to 200 items for each promotion, best first."""
        seen, wanted = seen_by(request), list[int]()
        for each in request.rules.promotions:
            wanted += self._best(request, allowed & _holding(each, seen))
        return Found(np.array(list(dict.fromkeys(wanted)), np.int32))

    def _best(self, request: Request, allowed: BoolArray) -> list[int]:
        found: dict[int, None] = {}
        for finder in self._finders:
            found |= dict.fromkeys(finder.retrieve(request, allowed).rows.tolist())
            if len(found) >= _PROMOTED:
                break
        return list(found)[:_PROMOTED]


OF_RULES: Final = frozenset((PinSource.name, PromotedSource.name))
"""Sources that every recipe has, and that no surface chooses or leaves out."""


def pinned(pins: Sequence[Ruled], seen: Seen) -> list[tuple[int, int]]:
    """(row, slot) of the pins that hold, in order of slots. Of two for one slot, or of one item, the first stands."""
    found: dict[int, int] = {}
    for each in pins:
        row = seen.items.number(each.rule.item_id or "")
        slot = each.rule.slot or 1
        if row < 0 or row in found or slot in found.values():
            continue
        if each.where is None or seen.holds(each.where)[row]:
            found[row] = slot
    return list(found.items())


def _holding(each: Ruled, seen: Seen) -> BoolArray:
    return seen.holds(each.where) if each.where is not None else np.ones(len(seen.items), np.bool_)


def factors_of(request: Request, row: int) -> list[tuple[str, float]]:
    """The rules (name and revision) that weigh an item, each with its factor."""
    seen = seen_by(request)
    return [(each.label, each.rule.factor or 1.0) for each in request.rules.weights if _holding(each, seen)[row]]


def weights_of(request: Request, rows: IntArray) -> FloatArray | None:
    """float32 [rows]: what the scores of these items are multiplied by; None where no rule weighs."""
    if not request.rules.weights:
        return None
    seen, weights = seen_by(request), np.ones(len(rows), np.float32)
    for each in request.rules.weights:
        weights[_holding(each, seen)[rows]] *= each.rule.factor or 1.0
    return np.clip(weights, LEAST_WEIGHT, MOST_WEIGHT)


def weighed(scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Scores with weights; those below 0 move in the same direction as the others: s + |s| (w - 1)."""
    found: FloatArray = (scores + np.abs(scores) * (weights - 1)).astype(np.float32)
    return found


def arranged(request: Request, pool: Pool, order: IntArray, chosen: IntArray, allowed: BoolArray) -> IntArray:
    """The chosen positions of `pool` with the promoted ones moved up, and the pinned items kept in at the end."""
    rules, length = request.rules, len(chosen)
    if not rules.promotions and not rules.pins:
        return chosen
    seen = seen_by(request)
    for each in rules.promotions:
        rows = _holding(each, seen)[pool.items]
        chosen = promoted(chosen, order[rows[order]], (each.rule.percent or 0.0) / 100, length)
    rows = np.array([row for row, _ in pinned(rules.pins, seen)], np.int32)
    places = np.flatnonzero(np.isin(pool.items, rows[allowed[rows]]))
    missing = places[~np.isin(places, chosen)].astype(np.int32)
    kept = chosen[: max(0, length - len(missing))] if len(missing) else chosen
    return np.concatenate([kept, missing]).astype(np.int32)


def mark_ruled(request: Request, items: Sequence[SlateItem]) -> list[tuple[int, str]]:
    """Say of items that a rule has put there that it was a rule; the pins among them: (slot, item id)."""
    rules = request.rules
    if not rules.promotions and not rules.pins:
        return []
    seen, ids = seen_by(request), request.items.ids
    there = {item.item_id: item for item in items}
    for each in rules.promotions:
        holds = _holding(each, seen)
        for item_id, item in there.items():
            if set(item.sources) <= OF_RULES and holds[request.items.number(item_id)]:
                item.reason = Reason("promoted", "chosen by the shop")
    pins = [(slot, ids[row]) for row, slot in pinned(rules.pins, seen) if ids[row] in there]
    for _, item_id in pins:
        there[item_id].reason = Reason("pinned", "chosen by the shop")
    return pins


def put_at_slots(items: Sequence[SlateItem], pins: Sequence[tuple[int, str]]) -> list[SlateItem]:
    """The items with the pinned ones at their slots (1 is the first), the others in their order around them."""
    by_id = {item.item_id: item for item in items}
    fixed = {item_id: by_id[item_id] for _, item_id in pins if item_id in by_id}
    found = [item for item in items if item.item_id not in fixed]
    for slot, item_id in sorted(pins):
        if item_id in fixed:
            found.insert(slot - 1, fixed[item_id])
    return found


def promoted(chosen: IntArray, wanted: IntArray, share: float, length: int) -> IntArray:
    """A list in whose first n places at least n * share, rounded down, are `wanted`, for every n, while there are any.

    Both come best first; who is next in `chosen` goes on where the share is met. A shorter list is the beginning of a
    longer one."""
    special, waiting = set(wanted.tolist()), iter(wanted.tolist())
    rest, used = iter(chosen.tolist()), set[int]()
    found: list[int] = []
    there = 0
    while len(found) < length:
        due = int((len(found) + 1) * share + 1e-9) > there
        place = _next(waiting, used) if due else None
        place = _next(rest, used) if place is None else place
        if place is None:
            break
        used.add(place)
        found.append(place)
        there += place in special
    return np.array(found, np.int32)


def _next(places: Iterator[int], used: set[int]) -> int | None:
    return next((place for place in places if place not in used), None)
