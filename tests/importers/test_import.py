"""Whole imports into a real log: what is in counts once, what does not fit is put away, nothing is lost in silence."""

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from honeyguide.errors import InvalidInput, StorageFull
from honeyguide.importers import (
    ImportOptions,
    ImportReport,
    events,
    import_events,
    import_items,
)
from honeyguide.types import LogRow
from tests.importers.project import NOW, Project, lines_of, within

S = NOW // 1000


def options(folder: Path, **fields: Any) -> ImportOptions:
    return replace(ImportOptions(quarantine=folder / "quarantine.jsonl"), **fields)


def csv(path: Path, header: str, rows: Iterable[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def clicks(path: Path, count: int = 50, start: int = 0) -> Path:
    rows = (f"u{n % 7},i{n % 11},view,{S - 1_000_000 + n}" for n in range(start, start + count))
    return csv(path, "user,item,type,time", rows)


def adds_up(report: ImportReport) -> bool:
    return report.rows == report.new + report.duplicates + report.superseded + report.refused


def test_a_file_of_events_is_in_the_log_and_the_report_says_how(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(
        tmp_path / "clicks.csv",
        "uid,sku,action,ts,price,agent",
        [f"u1,i1,VIEW,{S - 60},,x", f"u2,i2,Add To Cart,{S - 50},9.5,y", f"u2,i2,purchase,{S - 40},9.5,"],
    )
    seen: list[tuple[int, int | None]] = []
    report = within(
        project, lambda: import_events(project, [path], options(tmp_path), lambda done, total: seen.append((done, total)))
    )
    assert (report.rows, report.new, report.duplicates, report.refused, report.sequence) == (3, 3, 0, 0, 3)
    assert report.types == {"view": 1, "add_to_cart": 1, "purchase": 1}
    assert report.mapping == {"user_id": "uid", "item_id": "sku", "type": "action", "ts": "ts", "value": "price"}
    assert report.guessed == ["user_id", "item_id", "ts", "type", "value"]
    assert report.ignored == ["agent"]
    assert report.time_unit == "seconds since 1970"
    assert (report.first_ts, report.last_ts) == ((S - 60) * 1000, (S - 40) * 1000)
    assert report.next == "honeyguide train"
    assert report.quarantine_file is None
    assert not (tmp_path / "quarantine.jsonl").exists()
    assert seen[-1] == (3, 3)


def test_progress_tells_what_has_come_to_its_end(tmp_path: Path) -> None:
    project = Project(tmp_path)
    paths = [clicks(tmp_path / "a.csv", 2_500), clicks(tmp_path / "b.csv", 1_200, start=9_000)]
    seen: list[tuple[int, int | None]] = []
    within(project, lambda: import_events(project, paths, options(tmp_path), lambda done, total: seen.append((done, total))))
    assert [done for done, _ in seen] == [1_000, 2_000, 2_500, 2_500, 3_500, 3_700, 3_700]
    assert {total for _, total in seen} == {3_700}


def test_a_packed_file_has_no_known_number_of_rows(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(clicks(tmp_path / "a.csv", 5).read_bytes()))
    seen: list[tuple[int, int | None]] = []
    within(
        project, lambda: import_events(project, [path], options(tmp_path), lambda done, total: seen.append((done, total)))
    )
    assert seen[-1] == (5, None)


def test_the_rows_are_in_the_log_as_they_were_in_the_file(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "a.csv", "user,item,type,ts,value,qty,session", [f"u1,i1,purchase,{NOW - 5},9.5,2,s1"])

    async def work() -> LogRow:
        await import_events(project, [path], options(tmp_path))
        (row,) = project.rows()
        return row

    row = within(project, work)
    assert (row.user_id, row.item_id, row.type, row.ts, row.received_at) == ("u1", "i1", "purchase", NOW - 5, NOW)
    assert (row.value, row.quantity, row.session_id, row.imported) == (9.5, 2.0, "s1", True)


def test_importing_twice_adds_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = clicks(tmp_path / "a.csv", 2_500)

    async def work() -> None:
        first = await import_events(project, [path], options(tmp_path))
        again = await import_events(project, [path], options(tmp_path))
        assert (first.new, first.duplicates) == (2_500, 0)
        assert (again.new, again.duplicates) == (0, 2_500)
        assert len(project.rows()) == 2_500

    within(project, work)


def test_rows_that_are_identical_and_real_all_count_and_still_only_once(tmp_path: Path) -> None:
    project = Project(tmp_path)
    same = f"u1,i1,purchase,{S - 60}"
    short = csv(tmp_path / "short.csv", "user,item,type,time", [same, same])
    long = csv(tmp_path / "long.csv", "user,item,type,time", [same, f"u2,i1,view,{S - 9}", same, same])

    async def work() -> None:
        first = await import_events(project, [short], options(tmp_path))
        assert (first.new, first.duplicates) == (2, 0)
        second = await import_events(project, [long], options(tmp_path))
        assert (second.new, second.duplicates) == (2, 2)
        assert len({row.event_id for row in project.rows()}) == 4

    within(project, work)


def test_identical_rows_far_apart_are_told_apart(tmp_path: Path) -> None:
    project = Project(tmp_path)
    rows = [f"u{n},i1,view,{S - n - 1}" for n in range(6_000)]
    path = csv(tmp_path / "a.csv", "user,item,type,time", [*rows, *rows[:10]])

    async def work() -> None:
        assert (await import_events(project, [path], options(tmp_path))).new == 6_010
        assert (await import_events(project, [path], options(tmp_path))).new == 0

    within(project, work)


def test_the_same_events_in_another_form_are_the_same_events(tmp_path: Path) -> None:
    project = Project(tmp_path)
    frame = pl.DataFrame(
        {"user": [1, 2], "item": ["a", "b"], "type": ["rating"] * 2, "ts": [NOW - 2_000, NOW - 1_000], "stars": [4, 5]}
    )
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "b.parquet")
    frame.with_columns(ts=pl.from_epoch("ts", time_unit="ms")).write_parquet(tmp_path / "c.parquet")
    frame.write_ndjson(tmp_path / "d.jsonl")
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))

    async def work() -> None:
        assert (await import_events(project, [tmp_path / "a.csv"], options(tmp_path))).new == 2
        for name in ("b.parquet", "c.parquet", "d.jsonl", "e.csv.gz"):
            report = await import_events(project, [tmp_path / name], options(tmp_path))
            assert (name, report.new, report.duplicates) == (name, 0, 2)
        assert (await import_events(project, [frame], options(tmp_path))).duplicates == 2

    within(project, work)


def test_an_id_of_the_file_goes_before_a_made_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    rows = [f"e1,u,i,view,{S - 9}", f"e2,u,i,view,{S - 9}", f"e1,u,i,view,{S - 9}", f",u,i,view,{S - 9}"]
    path = csv(tmp_path / "a.csv", "event_id,user,item,type,time", rows)

    async def work() -> None:
        report = await import_events(project, [path], options(tmp_path))
        assert (report.new, report.duplicates) == (3, 1)
        assert [row.event_id for row in project.rows()][:2] == ["e1", "e2"]

    within(project, work)


def test_what_does_not_fit_is_put_away_with_reason_row_and_text(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(
        tmp_path / "a.csv",
        "user,item,type,time,qty",
        [
            f"u1,i1,view,{S - 9},",
            f",i1,view,{S - 9},",
            f"u1,,view,{S - 9},",
            f"u1,i1,LIKE,{S - 9},",
            f"u1,i1,view,{S + 9_000},",
            "u1,i1,view,soon,",
            f"u1,i1,purchase,{S - 9},-3",
            f"u1,i1,view,{S - 9},1,2",
            f"{'x' * 300},i1,view,{S - 9},",
        ],
    )
    report = within(project, lambda: import_events(project, [path], options(tmp_path)))
    assert report.new == 1
    assert adds_up(report)
    assert report.quarantined == {
        "missing_user": 1,
        "missing_item": 1,
        "undeclared_type": 1,
        "future_time": 1,
        "bad_time": 1,
        "negative_quantity": 1,
        "wrong_columns": 1,
        "id_too_long": 1,
    }
    assert report.undeclared == {"LIKE": 1}
    assert any("events.types.like.weight = 1" in note for note in report.notes)
    assert "1 future time" in report.reasons()

    entries = lines_of(tmp_path / "quarantine.jsonl")
    assert sorted(entry["row"] for entry in entries) == [2, 3, 4, 5, 6, 7, 8, 9]
    by_row = {entry["row"]: entry for entry in entries}
    assert by_row[4]["raw"] == {"user": "u1", "item": "i1", "type": "LIKE", "time": str(S - 9), "qty": ""}
    assert (by_row[4]["source"], by_row[4]["code"], by_row[4]["field"]) == ("a.csv", "undeclared_type", "type")
    assert by_row[8]["raw"] == f"u1,i1,view,{S - 9},1,2\n"
    assert all(entry["reason"] for entry in entries)
    assert report.quarantine_file == str(tmp_path / "quarantine.jsonl")
    assert stat.S_IMODE(os.stat(tmp_path / "quarantine.jsonl").st_mode) == 0o600


def test_a_quarantine_can_be_mended_and_imported(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "a.csv", "user,item,type,time", [f"u1,i1,view,{S - 9}", f"u1,i1,LIKE,{S - 8}"])

    async def work() -> None:
        await import_events(project, [path], options(tmp_path))
        raws = [entry["raw"] | {"type": "wishlist_add"} for entry in lines_of(tmp_path / "quarantine.jsonl")]
        mended = tmp_path / "mended.jsonl"
        mended.write_text("\n".join(map(json.dumps, raws)))
        assert (await import_events(project, [mended], options(tmp_path))).types == {"wishlist_add": 1}

    within(project, work)


def test_a_type_that_is_declared_later_is_taken_then(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", "user,item,type,time", [f"u,i,LIKE,{S - 9}", f"u,i,view,{S - 8}", f"u,i,LIKE,{S - 9}"])
    before = Project(tmp_path)
    first = within(before, lambda: import_events(before, [path], options(tmp_path)))
    assert (first.new, first.refused) == (1, 2)
    after = Project(tmp_path, types=("like",))
    second = within(after, lambda: import_events(after, [path], options(tmp_path, resume=True)))
    assert (second.new, second.duplicates, second.types) == (2, 1, {"like": 2, "view": 1})


def test_an_import_can_end_at_the_first_row_that_does_not_fit(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "a.csv", "user,item,type,time", [f"u,i,view,{S - 9}", f"u,i,zap,{S - 9}"])
    with pytest.raises(InvalidInput) as caught:
        within(project, lambda: import_events(project, [path], options(tmp_path, on_error="fail")))
    assert "Row 2 of a.csv" in caught.value.detail
    assert caught.value.errors[0].pointer == "/type"


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "a.csv", "user,item,type,time", [f"u,i,view,{S - 9}", f"u,i,zap,{S - 9}"])
    items = csv(tmp_path / "items.csv", "id,title", ["a,A", "b,B"])

    async def work() -> None:
        report = await import_events(project, [path], options(tmp_path, dry_run=True))
        assert (report.new, report.refused, report.dry_run) == (1, 1, True)
        assert report.next == "the same without --dry-run"
        assert (await import_items(project, [items], options(tmp_path, dry_run=True))).new == 2
        assert project.rows() == []
        assert not (tmp_path / "quarantine.jsonl").exists()

    within(project, work)


def test_several_files_are_one_report(tmp_path: Path) -> None:
    project = Project(tmp_path)
    paths = [clicks(tmp_path / "a.csv", 10), clicks(tmp_path / "b.csv", 10, start=5)]
    report = within(project, lambda: import_events(project, paths, options(tmp_path)))
    assert (report.rows, report.new, report.duplicates) == (20, 15, 5)
    assert report.sources == ["a.csv", "b.csv"]


def test_a_row_without_a_column_in_the_json_of_others_is_read_too(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = tmp_path / "a.jsonl"
    lines = [
        {"user_id": "u", "item_id": "i", "type": "view", "ts": NOW - 9},
        {"user_id": 7, "item_id": 8, "type": "purchase", "ts": NOW - 8, "value": 3, "properties": {"a": [1]}},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))

    async def work() -> None:
        assert (await import_events(project, [path], options(tmp_path))).new == 2
        second = project.rows()[1]
        assert (second.user_id, second.item_id, second.value, second.payload) == ("7", "8", 3.0, '{"a":[1]}')

    within(project, work)


def test_ids_that_a_table_made_decimals_are_noted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    frame = pl.DataFrame({"user": [17.0, None], "item": ["a", "b"], "type": ["view"] * 2, "time": [S - 2, S - 1]})

    async def work() -> ImportReport:
        report = await import_events(project, [frame], options(tmp_path))
        assert project.rows()[0].user_id == "17"
        return report

    report = within(project, work)
    assert "decimals" in report.notes[0]
    assert report.quarantined == {"missing_user": 1}


@pytest.mark.parametrize("count", [0, 1])
def test_files_with_hardly_any_rows_are_fine(tmp_path: Path, count: int) -> None:
    project = Project(tmp_path)
    report = within(project, lambda: import_events(project, [clicks(tmp_path / "a.csv", count)], options(tmp_path)))
    assert (report.rows, report.new) == (count, count)
    assert bool(report.notes) == (count == 0)


def test_nothing_to_import_is_said(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with pytest.raises(InvalidInput):
        within(project, lambda: import_events(project, [], options(tmp_path)))


class FailsAfter:
    """An ingest whose log is full after some batches."""

    def __init__(self, project: Project, batches: int) -> None:
        self._ingest, self._left, self.rules = project.ingest, batches, project.ingest.rules

    async def events(self, events: Any, *, imported: bool) -> Any:
        self._left -= 1
        if self._left < 0:
            raise StorageFull("The disk is full.", cure="Free some space.")
        return await self._ingest.events(events, imported=imported)


@pytest.fixture
def _noted_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes of how far an import has come every 2,000 rows instead of 20,000."""
    monkeypatch.setattr(events, "RECORD_EVERY", 2_000)


@pytest.mark.usefixtures("_noted_often")
def test_an_import_that_met_a_full_disk_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.csv", 9_500)
    project = Project(tmp_path)
    working, project.ingest = project.ingest, FailsAfter(project, 7)  # type: ignore[assignment]

    async def work() -> None:
        with pytest.raises(StorageFull):
            await import_events(project, [path], options(tmp_path))
        assert len(project.rows()) == 7_000
        project.ingest = working
        report = await import_events(project, [path], options(tmp_path, resume=True))
        assert report.resumed == 6_000
        assert (report.new, report.duplicates, report.rows) == (2_500, 7_000, 9_500)
        assert report.types == {"view": 9_500}
        assert len(project.rows()) == 9_500
        done = await import_events(project, [path], options(tmp_path, resume=True))
        assert (done.new, done.resumed) == (0, 0)

    within(project, work)


@pytest.mark.usefixtures("_noted_often")
def test_a_checkpoint_is_of_the_same_bytes_read_in_the_same_way(tmp_path: Path) -> None:
    path = clicks(tmp_path / "a.csv", 4_500)
    project = Project(tmp_path)
    working, project.ingest = project.ingest, FailsAfter(project, 3)  # type: ignore[assignment]

    async def work() -> None:
        with pytest.raises(StorageFull):
            await import_events(project, [path], options(tmp_path))
        project.ingest = working
        other = await import_events(project, [path], options(tmp_path, resume=True, map=("type==click",)))
        assert (other.new, other.resumed) == (4_500, 0)
        clicks(path, 4_600)
        changed = await import_events(project, [path], options(tmp_path, resume=True))
        assert (changed.new, changed.resumed) == (1_600, 0)

    within(project, work)


KILLED = """
    import asyncio, sys
    from pathlib import Path
    from honeyguide.importers import ImportOptions, events, import_events
    from tests.importers.project import Project

    events.RECORD_EVERY = 2_000
    folder = Path(sys.argv[1])
    project = Project(folder)

    def told(done, total):
        print(done, flush=True)

    asyncio.run(import_events(project, [folder / "a.csv"], ImportOptions(quarantine=folder / "q.jsonl"), told))
"""


@pytest.mark.parametrize("resume", [False, True])
def test_an_import_that_was_killed_is_completed_by_the_next_one(tmp_path: Path, resume: bool) -> None:
    rows = [f"u{n % 97},i{n % 89},view,{S - 1_000_000 + n // 50}" for n in range(24_000)]
    path = csv(tmp_path / "a.csv", "user,item,type,time", rows)
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 8_000:
            child.send_signal(signal.SIGKILL)
            break
    child.stdout.close()
    assert child.wait(60) == -signal.SIGKILL

    project = Project(tmp_path)

    async def work() -> None:
        there = len(project.rows())
        assert 8_000 <= there < 24_000
        report = await import_events(project, [path], options(tmp_path, resume=resume))
        assert report.duplicates == there
        assert report.new == 24_000 - there
        assert (report.resumed > 0) == resume
        assert len(project.rows()) == len({row.event_id for row in project.rows()}) == 24_000

    within(project, work)
