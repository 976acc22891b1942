"""An append before and after the database: is it small enough, and what became of each of its rows."""

from collections.abc import Collection, Mapping, Sequence

from honeyguide.errors import TooLarge
from honeyguide.types import MAX_BATCH, Appended, LogRow


def check_size(rows: Sequence[LogRow]) -> None:
    """Raise `TooLarge` for more rows than one append may hold."""
    if len(rows) > MAX_BATCH:
        raise TooLarge(
            f"An append of {len(rows)} rows is above the limit of {MAX_BATCH}.",
            cure=f"Append at most {MAX_BATCH} rows at a time.",
        )


def left_out(rows: Sequence[LogRow], base: int, landed: Collection[int] | None) -> list[str]:
    """The event ids of rows that did not land."""
    if landed is None:
        return []
    return [row.event_id for number, row in enumerate(rows, base + 1) if number not in landed]


def settle(
    rows: Sequence[LogRow], base: int, landed: Collection[int] | None, there: Mapping[str, int], position: int
) -> Appended:
    """Give rows that landed their sequence, others 0: `base + 1` is the first row's number; `landed` None means all did.

    `there` are the sequences of rows that the log has, by event id; `position` is that of the log after the append."""
    duplicates, held = [], []
    last = 0
    for at, row in enumerate(rows):
        sequence = base + 1 + at
        if landed is None or sequence in landed:
            row.sequence = last = sequence
        else:
            row.sequence = 0
            duplicates.append(at)
            held.append(there.get(row.event_id, 0))
    return Appended(max([last, *held]) or position, len(rows) - len(duplicates), tuple(duplicates), held=tuple(held))
