"""What is wrong with a rule by itself, and beside others."""

import re
from collections.abc import Collection, Iterator, Sequence
from math import inf, isfinite
from typing import Final

from honeyguide.errors import Conflict, FieldError, FilterError
from honeyguide.messages import Rule
from honeyguide.ranking.rules import EVERYWHERE, LEAST_WEIGHT, MOST_WEIGHT
from honeyguide.types import id_fault

MOST_SLOTS: Final = 50
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_OWN: Final = {
    "filter": ("where",),
    "boost": ("where", "factor"),
    "bury": ("where", "factor"),
    "pin": ("item_id", "slot"),
    "promote": ("where", "percent"),
}
_LONGEST: Final = {"owner": 128, "note": 1_000}


def check_rule(rule: Rule, surfaces: Collection[str]) -> None:
    """Raise `FilterError` with one entry per fault."""
    faults = list(_faults(rule, surfaces))
    if faults:
        first = f"{faults[0].pointer.removeprefix('/')} {faults[0].detail}"
        raise FilterError(f"The rule does not fit: {first}", errors=faults)


def _faults(rule: Rule, surfaces: Collection[str]) -> Iterator[FieldError]:
    if not _NAME.fullmatch(rule.name):
        yield FieldError("/name", "is no name: use a-z, 0-9, _ and -, at most 64, beginning with a letter.")
    if rule.surface != EVERYWHERE and rule.surface not in surfaces:
        yield FieldError(
            "/surface", f"{rule.surface!r} is not declared; use one of {', '.join(sorted(surfaces))}, or * for all."
        )
    for name in ("where", "factor", "item_id", "slot", "percent"):
        given = getattr(rule, name) not in (None, "")
        if not given and name in _OWN[rule.kind]:
            yield FieldError(f"/{name}", f"is missing: a {rule.kind} needs it.")
        if given and name not in _OWN[rule.kind] and (rule.kind, name) != ("pin", "where"):
            yield FieldError(f"/{name}", f"has no meaning for a {rule.kind}; leave it out.")
    yield from _number_faults(rule)
    if rule.item_id and (fault := id_fault(rule.item_id)):
        yield FieldError("/item_id", f"{fault}.")
    if rule.starts_at is not None and rule.ends_at is not None and rule.starts_at >= rule.ends_at:
        yield FieldError("/ends_at", "is not after starts_at.")
    for name, longest in _LONGEST.items():
        if len(getattr(rule, name)) > longest:
            yield FieldError(f"/{name}", f"has more than {longest} letters.")


def _number_faults(rule: Rule) -> Iterator[FieldError]:
    factor = rule.factor
    if factor is not None:
        low, high = (1.0, MOST_WEIGHT) if rule.kind == "boost" else (LEAST_WEIGHT, 1.0)
        if not isfinite(factor) or not low <= factor <= high or factor == 1.0:
            which = f"above 1 and at most {MOST_WEIGHT:g}" if rule.kind == "boost" else f"from {LEAST_WEIGHT:g} to below 1"
            yield FieldError("/factor", f"{factor} is not possible: a {rule.kind} multiplies scores by a number {which}.")
    if rule.slot is not None and not 1 <= rule.slot <= MOST_SLOTS:
        yield FieldError("/slot", f"{rule.slot} is not possible: 1 is the first place, {MOST_SLOTS} the last to pin to.")
    if rule.percent is not None and not (isfinite(rule.percent) and 0 < rule.percent <= 100):
        yield FieldError("/percent", f"{rule.percent} is not possible: above 0 and at most 100.")


def check_beside(rule: Rule, others: Sequence[Rule]) -> None:
    """Raise `Conflict` for a pin whose slot another one has at the same time, on the same surface and for the same users."""
    if rule.kind != "pin" or not rule.enabled:
        return
    for other in others:
        if other.name != rule.name and other.kind == "pin" and other.enabled and _collide(rule, other):
            raise Conflict(
                f"The rule {other.name!r} pins {other.item_id!r} to slot {rule.slot} at the same time.",
                cure="Take another slot or time, let one of them depend on a condition, or disable the other.",
                code="slot_taken",
            )


def _collide(one: Rule, other: Rule) -> bool:
    same_surface = one.surface == other.surface or EVERYWHERE in (one.surface, other.surface)
    same_place = one.slot == other.slot and same_surface
    same_time = (one.starts_at or 0) < (other.ends_at or inf) and (other.starts_at or 0) < (one.ends_at or inf)
    return same_place and same_time and one.where == other.where
