"""The unit of a column of times."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from honeyguide.errors import InvalidInput
from honeyguide.importers.moments import find_unit

MS = 1_749_988_800_000  # 2025-06-15 12:00:00 UTC
DAY = 1_749_945_600_000  # that day's beginning


@pytest.mark.parametrize(
    ("values", "name", "ms"),
    [
        ([1749988800, 1749988801], "seconds since 1970", MS),
        (["1749988800", "881250949"], "seconds since 1970", MS),
        (["1749988800.25", "1749988801.5"], "seconds since 1970", MS + 250),
        ([MS, MS + 1], "milliseconds since 1970", MS),
        ([str(MS)], "milliseconds since 1970", MS),
        ([float(MS)], "milliseconds since 1970", MS),
        ([MS * 1_000], "microseconds since 1970", MS),
        ([MS * 1_000_000], "nanoseconds since 1970", MS),
        (["2025-06-15T12:00:00Z"], "ISO 8601", MS),
        (["2025-06-15 12:00:00", "2025-06-15"], "ISO 8601", MS),
        (["2025-06-15T14:00:00+02:00"], "ISO 8601", MS),
        ([datetime(2025, 6, 15, 12, tzinfo=UTC)], "calendar times", MS),
        ([datetime(2025, 6, 15, 12)], "calendar times", MS),  # noqa: DTZ001  as frames without a zone give them
        ([date(2025, 6, 15)], "calendar times", DAY),
        (["20250615", "20241231"], "days as YYYYMMDD", DAY),
        ([20250615], "days as YYYYMMDD", DAY),
        (["2025", "1999"], "years", 1_735_689_600_000),
        (["15.06.2025 12:00", "01.02.2025 10:30"], "%d.%m.%Y %H:%M", MS),
        (["15.06.2025", "01.02.2025"], "%d.%m.%Y", DAY),
        (["15/06/2025", "01/02/2025"], "%d/%m/%Y", DAY),
        (["06/15/2025", "01/02/2025"], "%m/%d/%Y", DAY),
        (["6/15/25 12:00"], "%m/%d/%y %H:%M", MS),
        (["2025/06/15 12:00:00"], "%Y/%m/%d %H:%M:%S", MS),
        (["15-Jun-2025"], "%d-%b-%Y", DAY),
        (["2025-06-15 12:00:00 UTC"], "%Y-%m-%d %H:%M:%S %Z", MS),
        ([None, "", MS // 1000], "seconds since 1970", MS),
        ([1, 2, 3], "seconds since 1970", 1000),
        ([0], "seconds since 1970", 0),
    ],
)
def test_the_unit_is_found_from_the_values(values: list[Any], name: str, ms: int) -> None:
    unit = find_unit(values)
    assert unit.name == name
    assert unit.read(next(value for value in values if value not in (None, ""))) == ms


def test_most_of_the_values_decide_and_the_others_are_refused() -> None:
    unit = find_unit(["2025-06-15"] * 9 + ["soon"])
    assert unit.name == "ISO 8601"
    with pytest.raises(ValueError, match="soon"):
        unit.read("soon")
    seconds = find_unit(["1749988800"] * 9 + ["soon"])
    assert seconds.name == "seconds since 1970"
    for bad in ("soon", "", None, True, [1]):
        with pytest.raises((ValueError, TypeError)):
            seconds.read(bad)


def test_large_whole_numbers_lose_nothing() -> None:
    assert find_unit([MS + 1]).read(MS + 1) == MS + 1
    assert find_unit([str(MS // 1000)]).read("1749988801") == MS + 1000


def test_a_told_format_decides() -> None:
    assert find_unit(["01/02/2025"], "%d/%m/%Y").read("01/02/2025") == find_unit(["2025-02-01"]).read("2025-02-01")


@pytest.mark.parametrize("values", [["01/02/2025", "03/04/2025"], ["01/01/2025"]])
def test_day_and_month_that_cannot_be_told_apart_are_asked_for(values: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_unit(values)
    assert "%d/%m/%Y" in caught.value.cure
    assert "%m/%d/%Y" in caught.value.cure


def test_one_day_late_in_the_rows_tells_day_and_month_apart() -> None:
    assert find_unit(["01/02/2025"] * 4_000 + ["31/01/2025"]).name == "%d/%m/%Y"


def test_unknown_writing_is_asked_for() -> None:
    with pytest.raises(InvalidInput, match="--time-format"):
        find_unit(["yesterday", "tomorrow"])


def test_no_values_need_no_unit() -> None:
    assert find_unit([]).name == "ISO 8601"
    assert find_unit([None, ""]).name == "ISO 8601"
