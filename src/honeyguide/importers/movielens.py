"""The MovieLens folders of GroupLens: `ml-latest-small` (and its larger siblings in the same form) and `ml-100k`.

Films become items with genres as categories and the year as their beginning, ratings become events, and the users of
ml-100k keep what is known of them. Tags and links to other databases become properties of the items.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from honeyguide.errors import InvalidInput
from honeyguide.importers.columns import Kind
from honeyguide.importers.events import EventImport
from honeyguide.importers.report import ImportOptions
from honeyguide.importers.run import Run, sound_rows
from honeyguide.importers.sources import PLAIN, Reading, Row, chunks
from honeyguide.importers.things import ThingImport
from honeyguide.messages import ItemIn, UserIn
from honeyguide.types import Json

_YEAR: Final = re.compile(r"\((\d{4})(?:[-\u2013]\d{0,4})?\)\s*$")
_NO_GENRES: Final = frozenset({"", "(no genres listed)", "unknown"})
_TAGS_KEPT: Final = 10
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


@dataclass(frozen=True)
class Part:
    """One file of a folder: what is in it, how it is read, and the function that brings it in."""

    kind: Kind
    path: Path
    options: ImportOptions
    load: Callable[[Run], Awaitable[None]]


def movielens_parts(folder: Path, options: ImportOptions) -> list[Part]:
    """The parts of a folder, items first. Raises InvalidInput for a folder that is no MovieLens set."""
    if (folder / "u.data").is_file():
        return _parts_100k(folder, options)
    if (folder / "ratings.csv").is_file() and (folder / "movies.csv").is_file():
        return _parts_latest(folder, options)
    raise InvalidInput(
        f"{folder} is no MovieLens folder.",
        cure="Name the unpacked folder: it holds movies.csv and ratings.csv (ml-latest-small), or u.data (ml-100k).",
    )


# --- ml-latest-small: CSV with headers ----------------------------------------------------------------------------------


def _parts_latest(folder: Path, options: ImportOptions) -> list[Part]:
    ratings = replace(
        options, map=("user_id=userId", "item_id=movieId", "value=rating", "ts=timestamp", "type==rating"), reading=PLAIN
    )

    async def films(run: Run) -> None:
        extra = _extra_properties(folder)
        again = lambda: chunks(folder / "movies.csv", PLAIN)  # noqa: E731
        await ThingImport(run, "items", "movies.csv", lambda row: _film(row, extra), again).load()

    return [
        Part("items", folder / "movies.csv", options, films),
        Part("events", folder / "ratings.csv", ratings, lambda run: EventImport(run, folder / "ratings.csv").load()),
    ]


def _film(row: Row, extra: dict[str, Json]) -> ItemIn:
    title = row["title"].strip()
    item = ItemIn(item_id=row["movieId"], title=title, categories=_genres(row["genres"].split("|")))
    properties = extra.get(item.item_id, {})
    if found := _YEAR.search(title):
        item.created_at = f"{found[1]}-01-01"
        properties = {"year": int(found[1])} | properties
    item.properties = properties
    return item


def _extra_properties(folder: Path) -> dict[str, Json]:
    """What links.csv and tags.csv add to the films, where they are there."""
    extra: dict[str, Json] = {}
    for row in _rows(folder / "links.csv"):
        ids = {"imdb_id": f"tt{row['imdbId']}" if row["imdbId"] else "", "tmdb_id": row["tmdbId"]}
        extra[row["movieId"]] = {name: value for name, value in ids.items() if value}
    tags: dict[str, Counter[str]] = {}
    for row in _rows(folder / "tags.csv"):
        tags.setdefault(row["movieId"], Counter())[row["tag"].strip().lower()] += 1
    for film, counts in tags.items():
        ranked = sorted(counts, key=lambda tag: (-counts[tag], tag))
        extra.setdefault(film, {})["tags"] = ranked[:_TAGS_KEPT]
    return extra


def _rows(path: Path) -> Iterator[Row]:
    if path.is_file():
        for chunk in chunks(path, PLAIN):
            yield from sound_rows(chunk)


# --- ml-100k: bars and tabs without headers -----------------------------------------------------------------------------


def _parts_100k(folder: Path, options: ImportOptions) -> list[Part]:
    genres = [line.split("|")[0] for line in (folder / "u.genre").read_text("latin-1").splitlines() if "|" in line]
    films = Reading("csv", ("id", "title", "released", "video", "url", *(f"genre {name}" for name in genres)), "latin-1")
    people = Reading("csv", ("id", "age", "gender", "occupation", "zip"), "latin-1")
    ratings = replace(
        options, map=("type==rating",), reading=Reading("tsv", ("user_id", "item_id", "value", "ts"), "latin-1")
    )

    async def load_films(run: Run) -> None:
        again = lambda: chunks(folder / "u.item", films)  # noqa: E731
        await ThingImport(run, "items", "u.item", lambda row: _film_100k(row, genres), again).load()

    async def load_people(run: Run) -> None:
        again = lambda: chunks(folder / "u.user", people)  # noqa: E731
        await ThingImport(run, "users", "u.user", _person, again).load()

    return [
        Part("items", folder / "u.item", replace(options, reading=films), load_films),
        Part("users", folder / "u.user", replace(options, reading=people), load_people),
        Part("events", folder / "u.data", ratings, lambda run: EventImport(run, folder / "u.data").load()),
    ]


def _film_100k(row: Row, genres: list[str]) -> ItemIn:
    item = ItemIn(item_id=row["id"], title=row["title"].strip())
    item.categories = _genres([name for name in genres if row[f"genre {name}"] == "1"])
    if row["url"]:
        item.url = row["url"]
    if released := _release_day(row["released"]):
        item.created_at = released
        item.properties = {"year": int(released[:4])}
    return item


def _release_day(text: str) -> str | None:
    """`01-Jan-1995` -> `1995-01-01`, in any locale; None where there is none."""
    day, _, rest = text.partition("-")
    month, _, year = rest.partition("-")
    if month.lower() not in _MONTHS or not (day.isdigit() and year.isdigit()):
        return None
    return f"{int(year):04d}-{_MONTHS.index(month.lower()) + 1:02d}-{int(day):02d}"


def _person(row: Row) -> UserIn:
    known = {"gender": row["gender"], "occupation": row["occupation"], "zip": row["zip"]}
    properties: Json = {name: value for name, value in known.items() if value}
    if row["age"].isdigit():
        properties = {"age": int(row["age"])} | properties
    return UserIn(user_id=row["id"], properties=properties)


def _genres(names: list[str]) -> list[str]:
    return [name for name in names if name not in _NO_GENRES]
