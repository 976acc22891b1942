"""An append before and after the database: is it small enough, and what became of each of its rows."""

from collections.abc import Collection, Sequence

from honeyguide.errors import TooLarge
from honeyguide.types import MAX_BATCH, Appended, LogRow


def check_size(rows: Sequence[LogRow]) -> None:
    """Raise `TooLarge` for more rows than one append may hold."""
    if len(rows) > MAX_BATCH:
        raise TooLarge(
            f"An append of {len(rows)} rows is above the limit of {MAX_BATCH}.",
            cure=f"Append at most {MAX_BATCH} rows at a time.",
        )


def settle(rows: Sequence[LogRow], base: int, landed: Collection[int] | None, position: int) -> Appended:
    """Give rows that landed their sequence, others 0: `base + 1` is the first row's number; `landed` None means all did.

    `position` is that of the log after the append."""
    duplicates = []
    last = 0
    for at, row in enumerate(rows):
        sequence = base + 1 + at
        if landed is None or sequence in landed:
            row.sequence = last = sequence
        else:
            row.sequence = 0
            duplicates.append(at)
    return Appended(last or position, len(rows) - len(duplicates), tuple(duplicates))
