"""Figures of quality as the tables hold them."""

from collections.abc import Sequence
from typing import Any, Final

from honeyguide.protocols.quality import Period, QualityRow, Slice
from honeyguide.stores.sql import Database, Reads, Writes

_COLUMNS: Final = "metric, period, starts_at, surface, arm, model, value, low, high, n, detail, computed_at"
_PUT: Final = f"INSERT INTO quality_results ({_COLUMNS}) VALUES ({', '.join('?' * 12)})"
_CLEAR: Final = "DELETE FROM quality_results WHERE period = ? AND starts_at = ?"
_OF: Final = f"SELECT {_COLUMNS} FROM quality_results WHERE metric = ? AND period = ? AND starts_at >= ? AND starts_at < ?"
_COMPUTED: Final = (
    "SELECT starts_at, MAX(computed_at) FROM quality_results "
    "WHERE metric = 'tally' AND period = ? AND starts_at >= ? AND starts_at < ? GROUP BY starts_at"
)
_ORDER: Final = " ORDER BY starts_at, surface, arm, model"

_Asked = tuple[Period, int, Sequence[QualityRow]]


class TableQuality:
    """`protocols.quality.QualityTable` on any database."""

    def __init__(self, writes: Writes, reads: Reads) -> None:
        self._writes, self._reads = writes, reads

    def replace(self, period: Period, starts_at: int, rows: Sequence[QualityRow]) -> None:
        """Put all figures of an hour or day in the place of those that were there."""
        self._writes.call(_replace, (period, starts_at, rows), max(1, len(rows)))

    def of(self, metric: str, period: Period, *, since: int, until: int, slice: Slice | None = None) -> list[QualityRow]:
        """A measure's rows in order of time."""
        chosen = "" if slice is None else " AND surface = ? AND arm = ? AND model = ?"
        with self._reads.snapshot() as db:
            rows = db.execute(_OF + chosen + _ORDER, (metric, period, since, until, *(slice or ()))).fetchall()
        return [_row(row) for row in rows]

    def computed(self, period: Period, *, since: int, until: int) -> dict[int, int]:
        """When each hour or day was computed."""
        with self._reads.snapshot() as db:
            return {int(row[0]): int(row[1]) for row in db.execute(_COMPUTED, (period, since, until)).fetchall()}

    def expire(self, period: Period, before: int, metric: str | None = None) -> int:
        """Remove rows that begin before a moment."""
        return self._writes.call(_expire, (period, before, metric))


def _replace(db: Database, payloads: Sequence[_Asked]) -> list[None]:
    for period, starts_at, rows in payloads:
        db.execute(_CLEAR, (period, starts_at))
        db.executemany(_PUT, [_values(row) for row in rows])
    return [None] * len(payloads)


def _values(row: QualityRow) -> tuple[Any, ...]:
    figures = (row.value, row.low, row.high, row.n, row.detail, row.computed_at)
    return (row.metric, row.period, row.starts_at, *row.slice, *figures)


def _expire(db: Database, payloads: Sequence[tuple[Period, int, str | None]]) -> list[int]:
    removed = []
    for period, before, metric in payloads:
        chosen, values = ("", ()) if metric is None else (" AND metric = ?", (metric,))
        sql = f"DELETE FROM quality_results WHERE period = ? AND starts_at < ?{chosen}"
        removed.append(db.execute(sql, (period, before, *values)).rowcount)
    return removed


def _row(row: Sequence[Any]) -> QualityRow:
    metric, period, starts_at, surface, arm, model, value, low, high, n, detail, computed_at = row
    return QualityRow(
        metric=metric,
        period=period,
        starts_at=int(starts_at),
        slice=Slice(surface, arm, model),
        value=value,
        low=low,
        high=high,
        n=int(n),
        detail=detail,
        computed_at=int(computed_at),
    )
