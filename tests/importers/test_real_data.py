"""The importers on data that nobody made for them. Counts are those of the sets' own descriptions."""

import zipfile
from pathlib import Path

import polars as pl
import pytest

from honeyguide.importers import import_events, import_items, import_movielens
from tests.importers.project import DATA, Project, within
from tests.importers.test_import import adds_up, options


def needs(name: str) -> Path:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"the data set {name} is not in ../shared/data")
    return folder


def test_movielens_latest_small(tmp_path: Path) -> None:
    folder, project = needs("movielens-latest-small"), Project(tmp_path)

    async def work() -> None:
        items, ratings = await import_movielens(project, folder, options(tmp_path))
        assert (items.rows, items.new, items.refused) == (9_742, 9_742, 0)
        assert (ratings.rows, ratings.new, ratings.refused) == (100_836, 100_836, 0)
        assert len({row.user_id for row in project.rows() if row.user_id}) == 610

    within(project, work)


def test_movielens_100k(tmp_path: Path) -> None:
    folder, project = needs("movielens-100k"), Project(tmp_path)
    reports = within(project, lambda: import_movielens(project, folder, options(tmp_path, dry_run=True)))
    assert [(report.kind, report.new, report.refused) for report in reports] == [
        ("items", 1_682, 0),
        ("users", 943, 0),
        ("events", 100_000, 0),
    ]


def test_deskdrop_by_guesses_alone(tmp_path: Path) -> None:
    folder = needs("deskdrop")
    zipfile.ZipFile(folder / "users_interactions.csv.zip").extractall(tmp_path)
    project = Project(tmp_path, types=("like", "bookmark", "comment_created"))
    path = tmp_path / "users_interactions.csv"
    report = within(project, lambda: import_events(project, [path], options(tmp_path, dry_run=True)))
    assert report.types == {"view": 61_086, "like": 5_745, "bookmark": 2_463, "comment_created": 1_611}
    assert report.undeclared == {"FOLLOW": 1_407}
    assert report.quarantined == {"undeclared_type": 1_407}
    assert report.time_unit == "seconds since 1970"
    assert report.mapping["session_id"] == "sessionId"
    assert adds_up(report)


def test_online_retail_is_dirty_and_each_row_is_accounted_for(tmp_path: Path) -> None:
    path, project = needs("online-retail-ii") / "online_retail.parquet", Project(tmp_path)
    frame = pl.read_parquet(path, n_rows=100_000)
    no_customer = frame["Customer ID"].is_null()
    returned = (frame["Quantity"] < 0) & ~no_customer

    async def work() -> None:
        report = await import_events(project, [frame], options(tmp_path, dry_run=True))
        assert report.rows == 100_000
        assert report.quarantined == {"missing_user": no_customer.sum(), "negative_quantity": returned.sum()}
        assert report.types == {"purchase": report.new}
        assert report.mapping["user_id"] == "Customer ID"
        assert adds_up(report)

        part = frame.head(10_000)
        first = await import_events(project, [part], options(tmp_path))
        again = await import_events(project, [part], options(tmp_path))
        same = part.filter(~no_customer.head(10_000) & ~returned.head(10_000))
        assert first.new == again.duplicates == same.height
        assert again.new == 0
        assert same.height > same.unique().height  # identical rows are real, and all of them are in
        assert {row.user_id for row in project.rows()} == {str(int(user)) for user in same["Customer ID"].unique()}

        items = await import_items(project, [part], options(tmp_path, map=("properties=",)))
        assert items.new == part["StockCode"].n_unique()
        assert adds_up(items)

    within(project, work)
