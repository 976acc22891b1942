"""Every fault that doctor names, planted; and healthy data, in which it finds none."""

from collections.abc import Sequence

import polars as pl
import pytest

from honeyguide.cli.findings import Data, Finding, data_findings
from honeyguide.config import Settings

NOW = 1_700_000_000_000
DAY = 86_400_000
Row = tuple[str, str, str, int]

EVENTS: list[Row] = [
    (f"u{number % 7}", f"i{number % 11}", "view" if number % 3 else "purchase", NOW - number * 60_000)
    for number in range(300)
]


def data(
    events: Sequence[Row] = tuple(EVENTS),
    recent: Sequence[tuple[int, int]] = (),
    items: Sequence[tuple[str, str, int, bool]] = (("i1", "Lamp", 1, True), ("i2", "Tent", 2, True)),
) -> Data:
    schema = {"user_id": pl.String, "item_id": pl.String, "type": pl.String, "ts": pl.Int64}
    frame = pl.DataFrame(list(events), schema=schema, orient="row")
    times = pl.DataFrame(list(recent), schema={"ts": pl.Int64, "received_at": pl.Int64}, orient="row")
    columns = {"item_id": pl.String, "title": pl.String, "categories": pl.Int64, "shown": pl.Boolean}
    return Data(frame, times, pl.DataFrame(list(items), schema=columns, orient="row"), NOW)


def found(given: Data, **settings: object) -> list[Finding]:
    return data_findings(given, Settings.model_validate(settings))


def only(given: Data, **settings: object) -> Finding:
    (finding,) = found(given, **settings)
    assert finding.what
    assert finding.fix
    return finding


def changed(at: int, value: object, *, rows: Sequence[Row] = tuple(EVENTS), every: int = 1) -> list[Row]:
    """The events with one column changed in every so many rows."""
    made: list[Row] = []
    for number, row in enumerate(rows):
        cells: list[object] = list(row)
        if number % every == 0:
            cells[at] = value
        made.append(tuple(cells))  # type: ignore[arg-type]
    return made


def test_healthy_data_has_no_findings() -> None:
    assert found(data(recent=[(NOW - 50, NOW), (NOW - 900, NOW)])) == []


def test_no_events() -> None:
    assert (only(data([])).level, only(data([])).code) == ("error", "no_events")


def test_no_positive_events_names_the_types_that_there_are() -> None:
    given = data(changed(2, "scroll"))
    finding = only(given, events={"types": {"scroll": {"weight": 0}}})
    assert finding.code == "no_positive_events"
    assert finding.what.endswith("there are: scroll 300")
    assert finding.fix.endswith("events.types.scroll.weight = 1")
    hidden = only(data(changed(2, "hide")))
    assert hidden.code == "no_positive_events"


def test_seconds_instead_of_milliseconds() -> None:
    given = data([(user, item, kind, ts // 1000) for user, item, kind, ts in EVENTS])
    finding = next(finding for finding in found(given) if finding.code == "old_times")
    assert "300 of 300 events lie before the year 1990" in finding.what
    assert "seconds that were taken for milliseconds" in finding.what
    assert "multiply ts by 1000" in finding.fix


def test_1970_and_the_future() -> None:
    assert only(data(changed(3, 600_000_000_000, every=100))).what == "3 of 300 events lie before the year 1990"
    assert found(data(changed(3, 828_124_615_000, every=100))) == [], "real ratings are as old as 1996"
    assert only(data(changed(3, NOW + DAY, every=150))).code == "future_times"
    assert found(data(changed(3, NOW + 1000, every=150))) == []
    assert found(data(changed(3, NOW + DAY, every=150)), events={"max_future": "2d"}) == []


def test_equal_times() -> None:
    codes = [finding.code for finding in found(data(changed(3, NOW)))]
    assert codes == ["equal_times", "duplicates"]


@pytest.mark.parametrize(("column", "name"), [(0, "user_id"), (1, "item_id")])
def test_ids_that_became_floats(column: int, name: str) -> None:
    rows = [tuple(f"{cell[1:]}.0" if at == column else cell for at, cell in enumerate(row)) for row in EVENTS]  # type: ignore[index]
    finding = only(data(rows))  # type: ignore[arg-type]
    assert finding.code == "float_ids"
    assert f"values of {name} look like numbers with a point" in finding.what


def test_ids_with_spaces_around_them() -> None:
    assert only(data(changed(0, "u1 ", every=50))).code == "blank_ids"
    assert found(data(changed(0, "two words", every=50))) == []


@pytest.mark.parametrize(("column", "code"), [(0, "one_user"), (1, "one_item")])
def test_one_of_all(column: int, code: str) -> None:
    finding = only(data(changed(column, "x")))
    assert (finding.level, finding.code) == ("error", code)
    assert "--map" in finding.fix


def test_one_that_is_nearly_all() -> None:
    rows = [(f"u{number}", item, kind, ts) for number, (_, item, kind, ts) in enumerate(EVENTS)]
    finding = only(data(changed(0, "anonymous", rows=rows, every=3)))
    assert (finding.level, finding.code) == ("warning", "dominant_user")
    assert finding.what.startswith("33% of all events")


def test_rows_brought_in_twice() -> None:
    finding = only(data([*EVENTS, *EVENTS[:100]]))
    assert (finding.level, finding.code) == ("warning", "duplicates")
    assert finding.what.startswith("100 of 400 events")


@pytest.mark.parametrize(("shift", "words"), [(600_000, "600 s ahead of"), (-7_200_000, "7,200 s behind")])
def test_clocks_that_differ(shift: int, words: str) -> None:
    finding = only(data(recent=[(NOW + shift, NOW), (NOW + shift + 10, NOW + 10), (NOW, NOW + 5)]))
    assert (finding.level, finding.code) == ("warning", "clock_skew")
    assert words in finding.what


@pytest.mark.parametrize(
    ("items", "codes"),
    [
        ([], ["no_items"]),
        ([("i1", "Lamp", 0, True), ("i2", "Tent", 0, True)], ["no_categories"]),
        ([("i1", "", 1, True), ("i2", "", 1, True)], ["no_titles"]),
        ([("i1", "Lamp", 1, False)], ["nothing_to_show"]),
    ],
)
def test_the_catalogue(items: list[tuple[str, str, int, bool]], codes: list[str]) -> None:
    assert [finding.code for finding in found(data(items=items))] == codes
