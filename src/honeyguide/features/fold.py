"""From rows of the log to states: one step of the background fold."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from honeyguide.features.plan import Plan
from honeyguide.features.state import State, decode, encode, fold
from honeyguide.features.values import subjects
from honeyguide.types import LogRow

Load = Callable[[Collection[str]], Mapping[str, bytes]]


def by_subject(plan: Plan, rows: Iterable[LogRow], only: Collection[str] | None = None) -> dict[str, list[LogRow]]:
    """The events that add to the plan's parts, by whom they are about, in the order given; `only` about these ids."""
    found: dict[str, list[LogRow]] = {}
    for row in rows:
        if row.kind == "event" and row.type in plan.steps:
            for name in subjects(row, plan.entity):
                if only is None or name in only:
                    found.setdefault(name, []).append(row)
    return found


def take(plan: Plan, rows: Sequence[LogRow], most: int) -> Sequence[LogRow]:
    """As many of the rows, from the first on, as are about at most `most` of the plan's users or items; one at least."""
    seen: set[str] = set()
    for place, row in enumerate(rows):
        if row.kind == "event" and row.type in plan.steps:
            seen.update(subjects(row, plan.entity))
            if len(seen) > most and place:
                return rows[:place]
    return rows


def fold_rows(plan: Plan, rows: Iterable[LogRow], load: Load) -> dict[str, bytes]:
    """The states that change by these rows, after them. `load` gives the present states of ids."""
    events = by_subject(plan, rows)
    present = load(events) if events else {}
    changed: dict[str, bytes] = {}
    for name, mine in events.items():
        state = decode(present[name]) if name in present else State()
        for row in mine:
            fold(plan, state, row)
        changed[name] = encode(plan, state)
    return changed
