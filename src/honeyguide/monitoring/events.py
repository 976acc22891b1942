"""Counts what the log takes, as a subscriber of ingest."""

from collections.abc import Callable, Sequence

from honeyguide.monitoring.metrics import Metrics
from honeyguide.types import Appended, LogRow


def count_events(metrics: Metrics) -> Callable[[Sequence[LogRow], Appended], None]:
    """A subscriber that counts events by type and duplicates, and notes the log's position."""
    bound: dict[tuple[str, bool], Callable[[float], None]] = {}

    def count(rows: Sequence[LogRow], appended: Appended) -> None:
        taken: dict[tuple[str, bool], int] = {}
        for row in rows:
            key = (row.type if row.kind == "event" else row.kind, row.imported)
            taken[key] = taken.get(key, 0) + 1
        for key, number in taken.items():
            if key not in bound:
                bound[key] = metrics.events_received.labels(key[0], "import" if key[1] else "live").inc
            bound[key](number)
        if appended.duplicates:
            metrics.events_duplicate.inc(len(appended.duplicates))
        if appended.accepted:
            metrics.log_position.set(appended.sequence)

    return count
