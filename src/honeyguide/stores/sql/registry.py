"""Model versions and the aliases that point at them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Conflict, NotFound
from honeyguide.stores.sql import Database, Reads, Writes
from honeyguide.stores.sql.rows import properties
from honeyguide.types import ModelVersion

_FIELDS: Final = ("model", "version", "created_at", "trained_through", "metrics", "manifest")
_COLUMNS: Final = ", ".join(f"model_versions.{name}" for name in _FIELDS)
_NEXT: Final = (
    "INSERT INTO model_numbers (model, last_version) VALUES (?, 1) "
    "ON CONFLICT (model) DO UPDATE SET last_version = model_numbers.last_version + 1 RETURNING last_version"
)
_REACH: Final = (
    "INSERT INTO model_numbers (model, last_version) VALUES (?, ?) "
    "ON CONFLICT (model) DO UPDATE SET last_version = excluded.last_version "
    "WHERE excluded.last_version > model_numbers.last_version"
)
_POINT: Final = (
    "INSERT INTO aliases (alias, model, version, changed_at) VALUES (?, ?, ?, ?) ON CONFLICT (alias) DO UPDATE "
    "SET previous_model = aliases.model, previous_version = aliases.version, "
    "model = excluded.model, version = excluded.version, changed_at = excluded.changed_at"
)
_CHANGED: Final = "INSERT INTO alias_changes (alias, model, version, changed_at) VALUES (?, ?, ?, ?)"


class TableRegistry:
    """`protocols.Registry` on any database."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock) -> None:
        self._writes = writes
        self._reads = reads
        self._clock = clock

    def publish(self, version: ModelVersion) -> None:
        """Record a version. Raises `Conflict` if there is one of that number."""
        self._writes.call(_publish, version)

    def next_version(self, model: str) -> int:
        """Take the next number of a model: two callers never get the same."""
        return self._writes.call(_next_version, model)

    def versions(self, model: str | None = None) -> list[ModelVersion]:
        """All versions, newest first."""
        sql = f"SELECT {_COLUMNS} FROM model_versions WHERE CAST(? AS TEXT) IS NULL OR model = ?"
        with self._reads.snapshot() as db:
            rows = db.execute(f"{sql} ORDER BY created_at DESC, version DESC, model", (model, model)).fetchall()
        return [_version(row) for row in rows]

    def version(self, model: str, version: int) -> ModelVersion:
        """One version; raises `NotFound`, naming those there are."""
        with self._reads.snapshot() as db:
            return _find(db, model, version)

    def remove(self, model: str, version: int) -> None:
        """Forget a version; its number stays used. Raises `NotFound`, or `Conflict` while an alias points at it."""
        self._writes.call(_remove, (model, version))

    def aliases(self) -> dict[str, ModelVersion]:
        """What each alias points at."""
        sql = f"SELECT alias, {_COLUMNS} FROM aliases JOIN model_versions USING (model, version) ORDER BY alias"
        with self._reads.snapshot() as db:
            return {row[0]: _version(row[1:]) for row in db.execute(sql).fetchall()}

    def set_alias(self, alias: str, model: str, version: int) -> None:
        """Point an alias at a version. Raises `NotFound` for a version that there is not."""
        self._writes.call(_set_alias, (alias, model, version, self._clock.now_ms()))

    def previous(self, alias: str) -> ModelVersion | None:
        """What the alias pointed at before; None if nothing, or if that has been removed."""
        sql = (
            f"SELECT {_COLUMNS} FROM aliases JOIN model_versions ON model_versions.model = previous_model "
            "AND model_versions.version = previous_version WHERE alias = ?"
        )
        with self._reads.snapshot() as db:
            row = db.execute(sql, (alias,)).fetchone()
        return _version(row) if row else None

    def delete_alias(self, alias: str) -> None:
        """Remove an alias; raises `NotFound`."""
        self._writes.call(_delete_alias, (alias, self._clock.now_ms()))


def _publish(db: Database, versions: Sequence[ModelVersion]) -> list[None]:
    for new in versions:
        taken = db.execute(
            "SELECT 1 FROM model_versions WHERE model = ? AND version = ?", (new.model, new.version)
        ).fetchone()
        if taken:
            raise Conflict(
                f"{new.label} is already published; a version never changes.",
                cure="Take a new number from next_version() and publish that.",
                code="version_exists",
            )
        metrics, manifest = msgspec.json.encode(new.metrics).decode(), msgspec.json.encode(new.manifest).decode()
        db.execute(
            f"INSERT INTO model_versions ({', '.join(_FIELDS)}) VALUES (?, ?, ?, ?, ?, ?)",
            (new.model, new.version, new.created_at, new.trained_through, metrics, manifest),
        )
        db.execute(_REACH, (new.model, new.version))
    return [None] * len(versions)


def _next_version(db: Database, models: Sequence[str]) -> list[int]:
    return [int(db.execute(_NEXT, (model,)).fetchone()[0]) for model in models]


def _remove(db: Database, targets: Sequence[tuple[str, int]]) -> list[None]:
    for model, version in targets:
        found = _find(db, model, version)
        held = db.execute("SELECT alias FROM aliases WHERE model = ? AND version = ?", (model, version)).fetchone()
        if held:
            raise Conflict(
                f"{found.label} cannot be removed: the alias {held[0]!r} points at it.",
                cure=f"Point {held[0]!r} at another version first.",
                code="version_in_use",
            )
        db.execute("DELETE FROM model_versions WHERE model = ? AND version = ?", (model, version))
    return [None] * len(targets)


def _set_alias(db: Database, targets: Sequence[tuple[str, str, int, int]]) -> list[None]:
    for alias, model, version, now in targets:
        _find(db, model, version)
        present = db.execute("SELECT model, version FROM aliases WHERE alias = ?", (alias,)).fetchone()
        if present != (model, version):  # pointing again at the same keeps what was there before
            db.execute(_POINT, (alias, model, version, now))
            db.execute(_CHANGED, (alias, model, version, now))
    return [None] * len(targets)


def _delete_alias(db: Database, targets: Sequence[tuple[str, int]]) -> list[None]:
    for alias, now in targets:
        if db.execute("DELETE FROM aliases WHERE alias = ?", (alias,)).rowcount == 0:
            there = ", ".join(row[0] for row in db.execute("SELECT alias FROM aliases ORDER BY alias")) or "none"
            raise NotFound(f"There is no alias {alias!r}.", cure=f"There are: {there}.", code="alias_not_found")
        db.execute(_CHANGED, (alias, None, None, now))
    return [None] * len(targets)


def _find(db: Database, model: str, version: int) -> ModelVersion:
    sql = f"SELECT {_COLUMNS} FROM model_versions WHERE model = ?"
    row = db.execute(f"{sql} AND version = ?", (model, version)).fetchone()
    if row:
        return _version(row)
    others = [_version(other).label for other in db.execute(f"{sql} ORDER BY version DESC LIMIT 10", (model,))]
    raise NotFound(
        f"There is no {model}@{version}.",
        cure=f"There are: {', '.join(others)}." if others else "Run: honeyguide train",
        code="version_not_found",
    )


def _version(row: Sequence[Any]) -> ModelVersion:
    model, version, created_at, trained_through, metrics, manifest = row
    return ModelVersion(model, version, created_at, trained_through, properties(metrics), properties(manifest))
