"""MovieLens folders, made small here and as GroupLens gives them out."""

from pathlib import Path

import pytest

from honeyguide.errors import InvalidInput
from honeyguide.importers import import_movielens
from honeyguide.types import Item
from tests.importers.project import Project, within
from tests.importers.test_import import options


def latest(folder: Path) -> Path:
    folder.mkdir()
    (folder / "movies.csv").write_text(
        "movieId,title,genres\r\n"
        "1,Toy Story (1995),Adventure|Animation\r\n"
        '2,"Day, The (1951) ",(no genres listed)\r\n'
        "3,Babylon 5,Sci-Fi\r\n"
        "4,Death Note (2006\u20132007),Mystery\r\n"
    )
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\r\n7,1,4.5,964982703\r\n7,2,0.5,964981247\r\n")
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\r\n1,0114709,862\r\n2,0043456,\r\n")
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\r\n7,1,Fun,1\r\n8,1,fun,2\r\n8,1,pixar,3\r\n")
    return folder


def hundred_k(folder: Path) -> Path:
    folder.mkdir()
    (folder / "u.genre").write_text("unknown|0\nAction|1\nDrama|2\n\n")
    (folder / "u.item").write_bytes(
        b"1|Toy Story (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?Toy%20Story%20(1995)|0|1|1\n"
        b"2|Mis\xe9rables, Les (1995)|08-Dec-1995||http://us.imdb.com/x|0|0|1\n"
        b"267|unknown||||1|0|0\n"
    )
    (folder / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|V3N4P\n")
    (folder / "u.data").write_text("1\t1\t3\t881250949\n2\t267\t5\t881250950\n")
    return folder


async def item(project: Project, item_id: str) -> Item:
    found = await project.store.catalogue.item(item_id)
    assert found is not None
    return found


def test_latest_small_becomes_items_and_ratings(tmp_path: Path) -> None:
    project = Project(tmp_path)
    folder = latest(tmp_path / "ml")

    async def work() -> None:
        items, events = await import_movielens(project, folder, options(tmp_path))
        assert (items.kind, items.new, items.refused) == ("items", 4, 0)
        assert (events.kind, events.new, events.types) == ("events", 2, {"rating": 2})
        toy = await item(project, "1")
        assert (toy.title, toy.categories, toy.created_at) == (
            "Toy Story (1995)",
            ("Adventure", "Animation"),
            788_918_400_000,
        )
        assert toy.properties == {"year": 1995, "imdb_id": "tt0114709", "tmdb_id": "862", "tags": ["fun", "pixar"]}
        day = await item(project, "2")
        assert (day.title, day.categories, day.properties) == ("Day, The (1951)", (), {"year": 1951, "imdb_id": "tt0043456"})
        assert day.created_at == -599_616_000_000
        assert (await item(project, "3")).properties == {}
        assert (await item(project, "4")).properties == {"year": 2006}
        rating = project.rows()[-1]
        assert (rating.user_id, rating.item_id, rating.value, rating.ts) == ("7", "2", 0.5, 964981247000)

        again = await import_movielens(project, folder, options(tmp_path))
        assert [(report.new, report.duplicates) for report in again] == [(0, 4), (0, 2)]

    within(project, work)


def test_latest_needs_neither_links_nor_tags(tmp_path: Path) -> None:
    project = Project(tmp_path)
    folder = latest(tmp_path / "ml")
    (folder / "links.csv").unlink()
    (folder / "tags.csv").unlink()

    async def work() -> None:
        items, _ = await import_movielens(project, folder, options(tmp_path))
        assert items.new == 4
        assert (await item(project, "1")).properties == {"year": 1995}

    within(project, work)


def test_100k_becomes_items_users_and_ratings(tmp_path: Path) -> None:
    project = Project(tmp_path)
    folder = hundred_k(tmp_path / "ml")

    async def work() -> None:
        reports = await import_movielens(project, folder, options(tmp_path))
        assert [(report.kind, report.new, report.refused) for report in reports] == [
            ("items", 3, 0),
            ("users", 2, 0),
            ("events", 2, 0),
        ]
        toy = await item(project, "1")
        assert (toy.categories, toy.created_at, toy.properties) == (("Action", "Drama"), 788_918_400_000, {"year": 1995})
        assert toy.url == "http://us.imdb.com/M/title-exact?Toy%20Story%20(1995)"
        assert (await item(project, "2")).title == "Misérables, Les (1995)"
        nothing = await item(project, "267")
        assert (nothing.title, nothing.categories, nothing.url, nothing.properties) == ("unknown", (), None, {})
        user = await project.store.catalogue.user("2")
        assert user is not None
        assert user.properties == {"age": 53, "gender": "F", "occupation": "other", "zip": "V3N4P"}
        again = await import_movielens(project, folder, options(tmp_path))
        assert [(report.new, report.duplicates) for report in again] == [(0, 3), (0, 2), (0, 2)]

    within(project, work)


def test_a_dry_run_counts_all_parts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    folder = hundred_k(tmp_path / "ml")

    async def work() -> None:
        reports = await import_movielens(project, folder, options(tmp_path, dry_run=True))
        assert [report.new for report in reports] == [3, 2, 2]
        assert project.rows() == []

    within(project, work)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with pytest.raises(InvalidInput, match=r"movies\.csv"):
        within(project, lambda: import_movielens(project, tmp_path, options(tmp_path)))
