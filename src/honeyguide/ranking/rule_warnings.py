"""What may not be meant so with a rule that fits: it hides everything, does nothing, or is over."""

from collections.abc import Callable

import numpy as np

from honeyguide.expressions import Expression
from honeyguide.messages import Rule
from honeyguide.protocols import Items
from honeyguide.ranking.seen import Seen

Read = Callable[[str], Expression]
HIDES_ALL = "no item meets it: lists are empty while it is in force"


def warnings_of(rule: Rule, items: Items, now: int, read: Read) -> list[str]:
    """Sentences; `read` makes a condition of a text, `now` is in ms."""
    found = ["it is over already"] if rule.ends_at is not None and rule.ends_at <= now else []
    if rule.kind == "pin":
        return found + _of_pin(rule, items)
    if not _needs_a_request(read(rule.where)) and not matches(rule, items, now, read):
        found.append(HIDES_ALL if rule.kind == "filter" else "no item meets it, so it does nothing")
    return found


def _of_pin(rule: Rule, items: Items) -> list[str]:
    row = items.number(rule.item_id or "")
    if row < 0:
        return [f"there is no item {rule.item_id!r}, so nothing is pinned until there is one"]
    if items.blocked[row]:
        return [f"{rule.item_id!r} is hidden, deleted or not available, so its slot goes to the next item"]
    return []


def _needs_a_request(where: Expression) -> bool:
    """Whether it names what only a request knows; feature views of items too, which are not always at hand."""
    own = ("item.properties.", "item.age", *(f"item.{name}" for name in _FIELDS))
    return not all(path == "now" or path.startswith(own) for path in where.used)


_FIELDS = ("id", "title", "category", "categories", "price", "available", "created_at")


def matches(rule: Rule, items: Items, now: int, read: Read) -> int:
    """For how many of the items that may be shown its condition holds, nothing being known of a user."""
    shown = ~items.blocked
    if rule.where:
        shown = shown & Seen(items, now).holds(read(rule.where))
    return int(np.count_nonzero(shown))
