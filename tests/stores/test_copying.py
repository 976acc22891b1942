"""Moving a project: every row of every table arrives, whatever interrupts it, and what was used since is not overwritten."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import BigInteger, Boolean, Double, Integer, LargeBinary, Table

from honeyguide.clock import SystemClock
from honeyguide.config.settings import Project, Settings, Storage
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.protocols import Store
from honeyguide.stores import schema
from honeyguide.stores.copying import Copying, CopyReport, End
from honeyguide.stores.copying.tables import LEFT_BEHIND, Row, tables
from honeyguide.stores.sqlite import TRUTH
from honeyguide.stores.urls import open_store, open_tools
from honeyguide.testing.stores.rows import ODD_IDS, all_items, change, event, run, slate, some_history
from honeyguide.types import Job, ModelVersion
from tests import postgres

KINDS = ["sqlite", "postgresql"]


class Side:
    """One side of a copy: a project of its own."""

    def __init__(self, kind: str, folder: Path) -> None:
        url = f"sqlite:///{folder}/db" if kind == "sqlite" else postgres.new_url()
        self.settings = Settings(
            project=Project(data_dir=folder / "data"), storage=Storage(url=url, read_timeout=20.0, pool_wait=20.0)
        )
        self.store: Store = open_store(self.settings, SystemClock())
        self.end: End = open_tools(self.settings)

    def rows(self) -> dict[str, list[Row]]:
        """All rows of all tables that move, without the mark of a copy."""
        found: dict[str, list[Row]] = {}
        for line in ("truth", "losable"):
            for table in tables(line):
                with self.end.reading(line) as db:
                    rows: list[Row] = [table.clean(row) for row in db.execute(table.first_page, (10**6,)).fetchall()]
                found[table.name] = [row for row in rows if table.name != "meta" or row[0] != "copied"]
        return found


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Callable[[str], Side]]:
    made: list[Side] = []

    def make(kind: str) -> Side:
        made.append(Side(kind, tmp_path / str(len(made))))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def copy(source: Side, target: Side, batch: int = 50) -> CopyReport:
    return Copying(source.end, target.end, 5, batch=batch).run()


def a_value(table: str, column: Any, at: int, rng: np.random.Generator) -> Any:
    if column.nullable and at % 3 == 1:
        return None
    if isinstance(column.type, Boolean):
        return at % 2 == 0
    if isinstance(column.type, LargeBinary):
        return bytes([0, 255, at])
    if isinstance(column.type, Double):
        return float(rng.normal()) * 10.0 ** int(rng.integers(-300, 300))
    if isinstance(column.type, BigInteger | Integer):
        return at + 1
    return f"{column.name} {ODD_IDS[at % len(ODD_IDS)][:50]}{at}"


def fill(end: End) -> None:
    """Rows in every table that nothing else of this test writes to, with every kind of value."""
    rng = np.random.default_rng(0)
    alone = {"log", "items", "users", "user_links", "model_versions", "aliases", "jobs", "alias_changes", "model_numbers"}
    for table in schema.truth.sorted_tables:
        if table.name not in alone:
            _fill_one(end, table, rng)


def _fill_one(end: End, table: Table, rng: np.random.Generator) -> None:
    columns = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    with end.writing("truth") as db:
        for at in range(12):
            values = [a_value(table.name, column, at, rng) for column in table.columns]
            db.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", values)


def a_project(side: Side) -> None:
    """History of every kind, people merged and deleted, versions, aliases, jobs, slates."""
    store = side.store
    for start in range(0, 200, 20):
        run(store.log.append(some_history(start, 20)))
    run(store.log.append([event(name, name, event_id=name, payload='{"a": "\\u0000"}') for name in ODD_IDS]))
    run(store.log.append([change("item_put", "v", vector=[0.5, -0.25], title="V")]))
    for number in (1, 2):
        store.registry.publish(ModelVersion("ease", number, number, 10, {"ndcg": 0.1 + 0.2}, {"x": [number]}))
        store.registry.set_alias("champion", "ease", number)
    store.registry.next_version("ease")
    job: Job = store.jobs.create("train", {"models": ["ease"]})
    store.jobs.cancel(job.job_id)
    run(store.idempotency.put("key", "hash", 202, b"\x00\xff", expires_at=10**15))
    store.checkpoints.record("file", 500)
    store.features.advance("user-x", {name: name.encode() for name in ODD_IDS}, after=0, sequence=7)
    store.slates.append([slate(f"r{at}") for at in range(130)])


@pytest.mark.parametrize("source_kind", KINDS)
@pytest.mark.parametrize("target_kind", KINDS)
def test_every_row_of_every_table_arrives(side: Callable[[str], Side], source_kind: str, target_kind: str) -> None:
    source, target = side(source_kind), side(target_kind)
    a_project(source)
    fill(source.end)
    expected = source.rows()
    assert all(expected[name] for name in expected), "a table that this test does not look at"
    report = copy(source, target)
    assert target.rows() == source.rows() == expected
    assert report.tables == {name: len(rows) for name, rows in expected.items()}
    assert report.position == run(source.store.log.position()) == report.added
    again = copy(source, target)
    assert (again.added, again.checksum, again.tables) == (0, report.checksum, report.tables)
    assert target.rows() == expected


@pytest.mark.parametrize(("source_kind", "target_kind"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_the_copy_goes_on_as_the_project(side: Callable[[str], Side], source_kind: str, target_kind: str) -> None:
    """Numbers go on where they were, also where the newest rows are gone; the tables are the fold of the log."""
    source, target = side(source_kind), side(target_kind)
    a_project(source)
    position = run(source.store.log.position())
    copy(source, target)
    there, here = source.store, target.store
    for name in ("ann", "bob", *ODD_IDS[:3]):
        assert run(here.log.user_state(name, limit=50)) == run(there.log.user_state(name, limit=50))
        assert run(here.log.user_state(name, limit=50, until=99)) == run(there.log.user_state(name, limit=50, until=99))
    assert here.log.interactions().equals(there.log.interactions())
    assert all_items(here) == all_items(there)
    assert here.registry.aliases() == there.registry.aliases()
    assert here.registry.next_version("ease") == 4
    assert run(here.slates.get("r9")) == run(there.slates.get("r9"))
    assert run(here.log.append([event("u", "new", event_id="new")])).sequence == position + 1
    assert here.slates.append([slate("r7"), slate("later")]).stored == 2
    assert here.slates.count() == 131
    here.registry.set_alias("champion", "ease", 1)
    before = (all_items(here), run(here.catalogue.users(limit=99)))
    here.catalogue.rebuild()
    assert (all_items(here), run(here.catalogue.users(limit=99))) == before


def test_a_second_run_brings_what_came_and_takes_what_went(side: Callable[[str], Side]) -> None:
    """The source is in use: rows are added, changed, and removed in the middle and at the end."""
    source, target = side("sqlite"), side("postgresql")
    a_project(source)
    copy(source, target)
    run(source.store.log.append([event("u", f"late{at}") for at in range(120)]))
    source.store.registry.set_alias("champion", "ease", 1)
    source.store.slates.append([slate(f"late{at}") for at in range(60)])
    position = run(source.store.log.position())
    with source.end.writing("truth") as db:
        db.execute("DELETE FROM log WHERE sequence IN (3, 4, 60, 61, 62)", ())
        db.execute("DELETE FROM log WHERE sequence > ?", (position - 3,))
        db.execute("UPDATE log SET payload = NULL WHERE sequence = 10", ())
    with source.end.writing("losable") as db:
        db.execute("DELETE FROM slates WHERE sequence <= 20", ())
    report = copy(source, target)
    assert target.rows() == source.rows()
    assert report.position == position == run(target.store.log.position())
    assert report.added == 120
    assert run(target.store.log.append([event("u", "i")])).sequence == position + 1


@pytest.mark.parametrize("target_kind", KINDS)
def test_an_interrupted_run_is_gone_on_with(side: Callable[[str], Side], target_kind: str) -> None:
    """Cut off before any of its steps; nothing is copied twice, and the end is the same."""
    source, target = side("sqlite"), side(target_kind)
    a_project(source)
    expected = source.rows()
    interruptions = 0

    class Cut(Exception):
        pass

    class Fragile:
        """Takes a few parts, then is cut off."""

        def __init__(self, most: int) -> None:
            self.left = most

        def __getattr__(self, name: str) -> Any:
            return getattr(target.end, name)

        def load(self, *given: Any) -> None:
            if not self.left:
                raise Cut
            self.left -= 1
            target.end.load(*given)

    most = 1
    while True:
        end: Any = Fragile(most)
        try:
            Copying(source.end, end, 5, batch=20).run()
            break
        except Cut:
            interruptions += 1
            held = target.rows()["log"]
            assert held == expected["log"][: len(held)], "a hole, or a row twice"
        most += 3
    assert interruptions > 3
    assert target.rows() == expected


def test_a_target_with_anything_in_it_is_refused(side: Callable[[str], Side]) -> None:
    source, target = side("sqlite"), side("postgresql")
    a_project(source)
    target.store.checkpoints.record("something", 1)
    before = target.rows()
    with pytest.raises(Conflict, match=r"not empty: importer_checkpoints.*schema") as refused:
        copy(source, target)
    assert refused.value.code == "copy_target_not_empty"
    assert target.rows() == before


@pytest.mark.parametrize("use", ["log", "jobs", "heartbeats"])
def test_a_target_that_was_used_since_is_not_overwritten(side: Callable[[str], Side], use: str) -> None:
    source, target = side("sqlite"), side("postgresql")
    a_project(source)
    copy(source, target)
    if use == "log":
        run(target.store.log.append([event("u", "of its own")]))
    elif use == "jobs":
        target.store.jobs.create("train", {})
    else:
        with target.end.writing("truth") as db:
            db.execute(
                "INSERT INTO heartbeats (process_id, role, host, pid, release, started_at, seen_at) "
                "VALUES ('p', 'api', 'h', 1, '1', 1, 1)"
            )
    run(source.store.log.append([event("u", "late")]))
    before = target.rows()
    with pytest.raises(Conflict, match=f"used since.*{use}") as refused:
        copy(source, target)
    assert refused.value.code == "copy_target_used"
    assert target.rows() == before


def test_a_target_is_filled_from_one_source_only(side: Callable[[str], Side]) -> None:
    source, other, target = side("sqlite"), side("sqlite"), side("postgresql")
    a_project(source)
    a_project(other)
    copy(source, target)
    before = target.rows()
    with pytest.raises(Conflict, match="was filled from") as refused:
        copy(other, target)
    assert refused.value.code == "copy_target_other"
    assert target.rows() == before


def test_what_is_not_read_back_as_it_was_written_is_undone(side: Callable[[str], Side]) -> None:
    source, target = side("sqlite"), side("postgresql")
    a_project(source)
    postgres.server().admin(
        "CREATE FUNCTION honeyguide.spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.title = NEW.title || '!'; RETURN NEW; END $$; "
        "CREATE TRIGGER spoil BEFORE INSERT ON honeyguide.items FOR EACH ROW EXECUTE FUNCTION honeyguide.spoil()",
        target.settings.storage.url.rpartition("/")[2],
    )
    with pytest.raises(Conflict, match="items is not what is read back") as refused:
        copy(source, target)
    assert refused.value.code == "copy_differs"
    assert target.rows()["items"] == []


def test_text_that_the_target_cannot_hold_is_named(side: Callable[[str], Side], tmp_path: Path) -> None:
    source, target = side("sqlite"), side("postgresql")
    a_project(source)
    with closing(sqlite3.connect(tmp_path / "0" / "db" / TRUTH)) as db, db:
        db.execute("UPDATE items SET title = 'a' || char(0) || 'b'")
    with pytest.raises(InvalidInput, match="table items cannot be stored"):
        copy(source, target)


def test_processes_stay_behind(side: Callable[[str], Side]) -> None:
    assert set(LEFT_BEHIND) == {"heartbeats", "leases"}
    assert not {table.name for table in tables("truth")} & set(LEFT_BEHIND)
