"""`/v1/quality`: what was served and what became of it, as the API tells it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.quality import Quality
from honeyguide.monitoring.quality.report import DAY, HOUR
from tests.api.site import NOW, Site, pointers

START = NOW - NOW % DAY + 6 * HOUR


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, clock=ManualClock(START), quality=Quality(least_shown=10, targets={"ctr": 0.5}))
    site.fill()
    site.publish("popular")
    yield site
    site.close()


def clock(site: Site) -> ManualClock:
    assert isinstance(site.clock, ManualClock)
    return site.clock


def browse(site: Site, *, users: int = 6, surface: str = "home", clicked: int = 2) -> None:
    """Lists of five; of each the first three places are seen, and the first users click the first."""
    for number in range(users):
        asked = {"user_id": f"u{number}", "n": 5, "surface": surface}
        slate = site.post("/v1/recommendations", asked).json()
        clock(site).advance(10)
        who: dict[str, Any] = {"user_id": f"u{number}", "request_id": slate["request_id"]}
        events: list[dict[str, Any]] = [who | {"type": "impression", "properties": {"positions": [1, 2, 3]}}]
        if number < clicked:
            item = slate["items"][0]["item_id"]
            events += [who | {"type": "click", "item_id": item}, who | {"type": "purchase", "item_id": item, "value": 20.0}]
        assert site.post("/v1/events:batch", events).json()["rejected"] == []


def measure(site: Site) -> None:
    site.runner.run(site.runtime.slates.round())
    while site.runtime.quality.work():  # two days of hours at a time
        pass


def quality(site: Site, **params: Any) -> dict[str, Any]:
    answer = site.get("/v1/quality", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each["value"] for each in found["measures"]}


def test_before_anything_is_measured_nothing_is_said(site: Site) -> None:
    found = quality(site)
    assert found["computed_at"] is None
    assert (found["course"], found["positions"], found["surfaces"], found["models"]) == ([], [], [], [])
    assert {each["value"] for each in found["targets"]} == {None}
    assert {each["met"] for each in found["targets"]} == {None}
    assert figures(found)["ctr"] is None
    assert figures(found)["requests"] == 0


def test_a_day_of_one_surface(site: Site) -> None:
    browse(site)
    browse(site, surface="popular", clicked=0)
    measure(site)
    found = quality(site, surface="home")
    told = figures(found)
    assert (told["requests"], told["shown"], told["clicks"], told["conversions"]) == (6, 18, 2, 2)
    assert told["ctr"] == pytest.approx(2 / 18)
    assert told["conversion_per_click"] == 1.0
    assert told["revenue"] == 40.0
    assert told["revenue_per_user"] == pytest.approx(40 / 6)
    assert (found["surface"], found["arm"], found["model"], found["basis"]) == ("home", "", "", "impressions")
    assert (found["since"], found["per"]) == ("2026-05-28T06:00:00.000Z", "hour") or found["per"] == "hour"
    assert found["computed_at"].startswith("20")
    assert found["positions"] == [
        {"position": 1, "shown": 6, "clicks": 2, "ctr": pytest.approx(1 / 3)},
        {"position": 2, "shown": 6, "clicks": 0, "ctr": 0.0},
        {"position": 3, "shown": 6, "clicks": 0, "ctr": 0.0},
    ]


def test_all_surfaces_together_and_side_by_side(site: Site) -> None:
    browse(site)
    browse(site, surface="popular", clicked=0)
    measure(site)
    found = quality(site)
    assert figures(found)["requests"] == 12
    assert [(each["name"], each["requests"], each["clicks"]) for each in found["surfaces"]] == [
        ("home", 6, 2),
        ("popular", 6, 0),
    ]
    (model,) = found["models"]
    assert model["name"] == "popular@1"
    assert model["requests"] == 12
    assert model["ctr_low"] < model["ctr"] < model["ctr_high"]
    only = quality(site, model="popular@1", surface="home")
    assert figures(only)["requests"] == 6
    assert figures(quality(site, model="ease@9"))["requests"] == 0


def test_a_target_has_its_value_before_and_its_course(site: Site) -> None:
    browse(site, clicked=6)
    clock(site).advance(3600)
    browse(site, clicked=3)
    measure(site)
    now = clock(site).ms
    found = quality(site, since=now - now % HOUR, until=now, surface="home")
    ctr = next(each for each in found["targets"] if each["name"] == "ctr")
    assert ctr["target"] == 0.5
    assert ctr["at_most"] is False
    assert ctr["met"] is False
    assert ctr["value"] == pytest.approx(3 / 18)
    assert ctr["low"] < ctr["value"] < ctr["high"]
    assert ctr["before"] == pytest.approx(6 / 18)
    assert ctr["trend"] == [pytest.approx(3 / 18)]
    latency = next(each for each in found["targets"] if each["name"] == "latency_p95")
    assert latency["at_most"] is True


def test_hour_by_hour_and_day_by_day(site: Site) -> None:
    for _ in range(3):
        browse(site, users=2, clicked=1)
        clock(site).advance(12 * 3600)
    measure(site)
    hours = quality(site, window="3d", per="hour")["course"]
    assert [each["figures"]["requests"] for each in hours] == [2.0, 2.0, 2.0]
    assert [each["starts_at"][11:] for each in hours] == ["06:00:00.000Z", "18:00:00.000Z", "06:00:00.000Z"]
    assert [each["settled"] for each in hours] == [True, False, False]
    days = quality(site, window="7d")
    assert days["per"] == "day"
    assert [each["figures"]["requests"] for each in days["course"]] == [4.0, 2.0]
    assert {each["starts_at"][11:] for each in days["course"]} == {"00:00:00.000Z"}
    assert figures(days)["requests"] == 6


def test_a_stretch_is_put_together_from_days_and_hours(site: Site) -> None:
    """Whatever the ends are: never a list twice, and none left out."""
    for _ in range(8):
        browse(site, users=1, clicked=0)
        clock(site).advance(7 * 3600)
    measure(site)
    now = clock(site).ms
    for since, until, wanted in (
        (START, now, 8),
        (START, START + 7 * HOUR, 1),
        (START + 7 * HOUR, now, 7),
        (START + HOUR, START + 2 * DAY + HOUR, 6),
        (START - DAY, START + DAY, 4),
    ):
        assert figures(quality(site, since=since, until=until))["requests"] == wanted, (since, until)


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"window": "soon"}, "/window"),
        ({"window": "0s"}, "/since"),
        ({"window": "500d"}, "/since"),
        ({"since": NOW, "until": NOW - 1}, "/since"),
        ({"since": "yesterday"}, "/since"),
        ({"arm": "x:1:B"}, "/arm"),
        ({"surface": "home", "arm": "x:1:B", "model": "ease@1"}, "/model"),
        ({"per": "week"}, "/per"),
        ({"days": "7"}, "/days"),
    ],
)
def test_what_cannot_be_asked_says_where_it_is_wrong(site: Site, asked: dict[str, Any], at: str) -> None:
    assert pointers(site.get("/v1/quality", params=asked)) == [at]
