"""Items and users out of files."""

from pathlib import Path

import pytest

from honeyguide.importers import ImportReport, import_items, import_users
from tests.importers.project import Project, lines_of, within
from tests.importers.test_import import adds_up, csv, options


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.new, report.duplicates, report.superseded, report.refused


def test_items_are_in_the_catalogue_with_all_that_is_known(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(
        tmp_path / "items.csv",
        "sku,name,category,price,in_stock,published,colour,year",
        ["a,Lamp,home|light,9.5,yes,1995-02-03,red,2001", "b,Torch,light,,no,,,"],
    )

    async def work() -> None:
        report = await import_items(project, [path], options(tmp_path))
        assert counts(report) == (2, 0, 0, 0)
        assert report.mapping["properties"] == "colour, year"
        assert report.time_unit == "ISO 8601"
        lamp, torch = await project.store.catalogue.item("a"), await project.store.catalogue.item("b")
        assert lamp is not None
        assert torch is not None
        assert (lamp.title, lamp.categories, lamp.price, lamp.available) == ("Lamp", ("home", "light"), 9.5, True)
        assert (lamp.created_at, lamp.properties) == (791_769_600_000, {"colour": "red", "year": 2001})
        assert (torch.available, torch.price, torch.properties) == (False, None, {})

    within(project, work)


def test_importing_items_twice_adds_nothing_and_a_change_adds_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    header = "id,title,price,vector,genres,x"
    rows = ['a,A,1,"[0.1,0.2]",p|q,1', "b,B,2,,,", "c,C,,,,"]
    path = csv(tmp_path / "items.csv", header, rows)

    async def work() -> None:
        assert counts(await import_items(project, [path], options(tmp_path))) == (3, 0, 0, 0)
        assert counts(await import_items(project, [path], options(tmp_path))) == (0, 3, 0, 0)
        csv(path, header, [rows[0], "b,B,3,,,", rows[2]])
        assert counts(await import_items(project, [path], options(tmp_path))) == (1, 2, 0, 0)
        assert len(project.rows()) == 4
        csv(path, header, rows)
        assert counts(await import_items(project, [path], options(tmp_path))) == (1, 2, 0, 0)
        found = await project.store.catalogue.item("b")
        assert found is not None
        assert found.price == 2.0

    within(project, work)


def test_the_last_row_in_order_of_an_item_counts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    rows = ["a,1", "b,1", "a,2", "a,-5", *(f"x{n},1" for n in range(6_000)), "b,7"]
    path = csv(tmp_path / "items.csv", "id,price", rows)

    async def work() -> None:
        report = await import_items(project, [path], options(tmp_path))
        assert counts(report) == (6_002, 0, 2, 1)
        assert adds_up(report)
        prices = [item.price for item in await project.store.catalogue.items_by_id(["a", "b"])]
        assert sorted(price for price in prices if price) == [2.0, 7.0]
        assert lines_of(tmp_path / "quarantine.jsonl")[0]["row"] == 4
        assert counts(await import_items(project, [path], options(tmp_path))) == (0, 6_002, 2, 1)

    within(project, work)


def test_an_item_that_was_deleted_comes_back(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "items.csv", "id,title", ["a,A", "b,B"])

    async def work() -> None:
        await import_items(project, [path], options(tmp_path))
        await project.ingest.delete_items(["a"])
        assert counts(await import_items(project, [path], options(tmp_path))) == (1, 1, 0, 0)
        found = await project.store.catalogue.item("a")
        assert found is not None
        assert found.deleted_at is None

    within(project, work)


def test_items_that_events_have_named_already_keep_their_beginning(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "items.csv", "id,title", ["a,A"])

    async def work() -> None:
        for wanted in ((1, 0, 0, 0), (0, 1, 0, 0)):
            assert counts(await import_items(project, [path], options(tmp_path))) == wanted

    within(project, work)


def test_users_are_known_with_their_properties(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "users.csv", "id,age,zip,city", ["1,31,01234,Ulm", "2,,99999,", "2,40,99999,Rom", ",1,2,3"])

    async def work() -> None:
        assert counts(await import_users(project, [path], options(tmp_path))) == (2, 0, 1, 1)
        one, two = await project.store.catalogue.user("1"), await project.store.catalogue.user("2")
        assert one is not None
        assert two is not None
        assert one.properties == {"age": 31, "zip": "01234", "city": "Ulm"}
        assert two.properties == {"age": 40, "zip": "99999", "city": "Rom"}
        assert counts(await import_users(project, [path], options(tmp_path))) == (0, 2, 1, 1)

    within(project, work)


@pytest.mark.parametrize("separator", [None, ","])
def test_the_mark_between_categories_can_be_said(tmp_path: Path, separator: str | None) -> None:
    project = Project(tmp_path)
    path = csv(tmp_path / "items.csv", "id;genres", ["a;Action, Comedy"])

    async def work() -> None:
        await import_items(project, [path], options(tmp_path, separator=separator))
        found = await project.store.catalogue.item("a")
        assert found is not None
        assert found.categories == (("Action", "Comedy") if separator else ("Action, Comedy",))

    within(project, work)


def test_an_empty_file_of_items_is_noted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    report = within(project, lambda: import_items(project, [csv(tmp_path / "i.csv", "id,title", [])], options(tmp_path)))
    assert (report.rows, report.notes) == (0, ["i.csv holds no rows."])
