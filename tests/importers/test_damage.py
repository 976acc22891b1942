"""Property tests: what is written is read, whatever it holds; what is damaged is accounted for, byte by byte."""

import asyncio
import csv
import io
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honeyguide.errors import HoneyguideError
from honeyguide.importers import ImportReport, import_events
from honeyguide.importers.sources import PLAIN, Broken, chunks
from tests.importers.project import NOW, Project
from tests.importers.test_import import adds_up, options

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
piece = st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", "u1", "é", "view", " ", '","', '\n"', "\ufeff"])


def read(path: Path) -> list[Any]:
    return [row for chunk in chunks(path, PLAIN) for row in chunk.rows]


@shared
@given(st.lists(st.tuples(text, text, text), max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_what_a_csv_writer_writes_is_read_back(tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    path = tmp_path / "a.csv"
    path.write_bytes(written.getvalue().encode())
    assert read(path) == [dict(zip("abc", row, strict=True)) for row in rows]


@shared
@given(
    st.lists(st.dictionaries(text, text | st.integers(-(2**53), 2**53) | st.none() | st.booleans(), max_size=3), max_size=6)
)
def test_what_a_json_writer_writes_is_read_back(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path) == rows


@shared
@given(st.lists(piece, max_size=30).map("".join))
def test_no_line_of_a_damaged_table_is_lost(tmp_path: Path, body: str) -> None:
    """Every character of the body is in a row that was read, or in the text of one that could not be."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"x,y\n" + body.encode())
    letters = [letter for letter in body if letter not in '",\r\n\ufeff']
    found: list[str] = []
    for row in read(path):
        found += row.raw if isinstance(row, Broken) else "".join(row.values())
    kept = [letter for letter in found if letter not in '",\r\n\ufeff']
    assert [letter for letter in kept if not letter.isspace()] == [letter for letter in letters if not letter.isspace()]


@shared
@given(st.binary(max_size=60))
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.jsonl.zst", "a.parquet"])
def test_any_bytes_are_rows_or_an_error_of_ours(tmp_path: Path, name: str, body: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    try:
        rows = read(path)
    except HoneyguideError as error:
        rows = []
        assert error.cure, error.detail  # noqa: PT017  any bytes may be fine as well
    assert all(isinstance(row, dict | Broken) for row in rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    opened = Project(tmp_path_factory.mktemp("project"))
    yield opened
    opened.store.close()


cell = st.one_of(
    st.sampled_from(["", "u1", "i1", "view", "VIEW", "zap", "nan", str(NOW - 5), str(NOW // 1000), "-1", "4.5", '"', "a,b"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)


@shared
@given(st.lists(st.tuples(cell, cell, cell, cell, cell), min_size=1, max_size=12))
def test_every_row_of_any_table_is_accounted_for(tmp_path: Path, project: Project, rows: list[tuple[str, ...]]) -> None:
    path = tmp_path / "a.csv"
    sure = [f"u,i,view,{NOW - 9},1\n"] * 20  # the unit of the times is found from the most
    path.write_text("user,item,type,ts,value\n" + "".join(sure) + "".join(",".join(row) + "\n" for row in rows), "utf-8")
    report = run(import_events(project, [path], options(tmp_path, dry_run=True)))
    assert adds_up(report)
    assert report.new >= 20
    assert sum(report.types.values()) == report.new + report.duplicates


def run(work: Coroutine[Any, Any, ImportReport]) -> ImportReport:

    return asyncio.run(work)
