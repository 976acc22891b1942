"""The job that measures lists: what it folds and when, that it may be repeated, what it tells."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.quality import Quality
from honeyguide.jobs.quality import QualityMonitors
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.measures import MEASURES
from honeyguide.monitoring.quality.report import DAY, HOUR, QualityReport, Reports
from honeyguide.protocols.quality import QualityRow, Slice
from tests.shop import NOW, open_shop

ALL = Slice()
START = NOW - NOW % DAY + 10 * HOUR


@pytest.fixture
def hg(tmp_path: Path) -> Iterator[Honeyguide]:
    quality = Quality(least_shown=5)
    with open_shop(tmp_path, clock=ManualClock(START), quality=quality) as opened:
        yield opened


def clock_of(hg: Honeyguide) -> ManualClock:
    clock = hg.runtime.clock
    assert isinstance(clock, ManualClock)
    return clock


def browse(hg: Honeyguide, *, users: int = 12, clicks: int = 4, seconds: float = 5) -> list[str]:
    """Lists for users, of which some click the first item and half of these buy it."""
    requests = []
    for number in range(users):
        slate = hg.recommend(f"u{number}", n=4)
        clock_of(hg).advance(seconds)
        who: dict[str, Any] = {"user_id": f"u{number}", "request_id": slate.request_id}
        events = [who | {"type": "impression", "properties": {"positions": [1, 2]}}]
        if number < clicks:
            events.append(who | {"type": "click", "item_id": slate.items[0].item_id})
        if number < clicks // 2:
            events.append(who | {"type": "purchase", "item_id": slate.items[0].item_id, "value": 10.0})
        assert not hg.ingest(events, imported=False).rejected
        requests.append(slate.request_id)
    hg.run(hg.runtime.slates.round())
    return requests


def report(hg: Honeyguide, *, hours: int = 1, chosen: Slice = ALL) -> QualityReport:
    runtime = hg.runtime
    now = runtime.clock.now_ms()
    return Reports(runtime.store.quality, runtime.settings).report(
        chosen,
        since=now - hours * HOUR,
        until=now,
        per="hour",
        eligible=runtime.quality.eligible(),
        versions=runtime.store.registry.versions(),
        serving=runtime.store.registry.aliases().get("champion"),
    )


def rows(hg: Honeyguide) -> list[QualityRow]:
    table = hg.runtime.store.quality
    found = [row for name in ("tally", *MEASURES) for row in table.of(name, "hour", since=0, until=2**60)]
    return [*found, *(row for name in ("tally", *MEASURES) for row in table.of(name, "day", since=0, until=2**60))]


def gauge(hg: Honeyguide, name: str, **labels: str) -> float | None:
    value: float | None = hg.runtime.metrics.registry.get_sample_value(f"honeyguide_quality_{name}", labels)
    return value


def test_what_was_served_is_measured(hg: Honeyguide) -> None:
    browse(hg)
    assert hg.runtime.quality.work() == 1
    found = report(hg)
    figures = {each.name: each.value for each in found.measures}
    assert (figures["requests"], figures["shown"], figures["clicks"], figures["conversions"]) == (12, 24, 4, 2)
    assert (figures["ctr"], figures["conversion"], figures["revenue"]) == (4 / 24, 2 / 24, 20.0)
    assert figures["users"] == 12
    assert figures["latency_p95"] is None, "the clock of this test stands still while a list is made"
    assert found.basis == "impressions"
    assert [(place.position, place.shown, place.clicks) for place in found.positions] == [(1, 12, 4), (2, 12, 0)]
    assert {each.name: (each.met, each.target) for each in found.targets}["ctr"] == (True, 0.05)
    assert [each.name for each in found.surfaces] == ["home"]
    assert found.models[0].name == hg.runtime.store.registry.aliases()["champion"].label
    assert gauge(hg, "ctr_ratio", surface="home", window="1h") == 4 / 24
    assert gauge(hg, "ctr_ratio", surface="all", window="7d") == 4 / 24
    assert gauge(hg, "shown", surface="all", window="1d") == 24


def test_measuring_again_changes_nothing_and_from_nothing_gives_the_same(hg: Honeyguide) -> None:
    for _ in range(3):
        browse(hg)
        clock_of(hg).advance(3600)
    hg.runtime.quality.work()
    before = rows(hg)
    hg.runtime.quality.work(since=START)
    assert rows(hg) == before
    hg.runtime.store.quality.expire("hour", 2**60)
    hg.runtime.store.quality.expire("day", 2**60)
    assert rows(hg) == []
    runtime = hg.runtime
    twin = QualityMonitors(runtime.store, runtime.items, runtime.settings, runtime.clock, Metrics())
    assert twin.work() == 4
    assert rows(hg) == before


def test_an_hour_is_measured_again_when_what_may_still_count_is_over(hg: Honeyguide) -> None:
    request = browse(hg)[5]
    hg.runtime.quality.work()
    clock_of(hg).advance(2 * 3600)
    assert hg.runtime.quality.work() == 3
    assert hg.runtime.quality.work() == 0, "nothing has changed"
    clock_of(hg).advance(60)
    assert hg.runtime.quality.work() == 1, "only the present hour"
    assert [point.settled for point in report(hg, hours=3).course] == [False]
    item = hg.run(hg.runtime.store.slates.get(request)).items[0]
    hg.ingest([{"type": "purchase", "user_id": "u5", "item_id": item, "request_id": request, "value": 7.0}], imported=False)
    clock_of(hg).advance(23 * 3600)
    hg.runtime.quality.work()
    found = report(hg, hours=26)
    assert {each.name: each.value for each in found.measures}["revenue"] == 27.0
    assert [point.settled for point in found.course[:1]] == [True]


def test_days_are_the_sums_of_their_hours(hg: Honeyguide) -> None:
    for _ in range(3):
        browse(hg, users=6)
        clock_of(hg).advance(3600)
    hg.runtime.quality.work()
    table = hg.runtime.store.quality
    (day,) = table.of("requests", "day", since=0, until=2**60, slice=Slice("home"))
    assert (day.starts_at, day.value) == (START - 10 * HOUR, 18.0)
    hours = table.of("requests", "hour", since=0, until=2**60, slice=Slice("home"))
    assert [hour.value for hour in hours] == [6.0, 6.0, 6.0]


def test_of_very_many_lists_a_sample_is_looked_at(hg: Honeyguide) -> None:
    """The same lists every time; how many there were is still exact."""
    hg.runtime.quality._rules = Quality(most_lists=1000).model_copy(update={"most_lists": 20})
    browse(hg, users=40, seconds=1)
    hg.runtime.quality.work()
    figures = {each.name: each for each in report(hg).measures}
    assert figures["requests"].value == 40
    assert 0 < figures["hit_rate"].n <= 20


def test_a_shop_without_lists_has_no_figures(hg: Honeyguide) -> None:
    assert hg.runtime.quality.work() >= 1
    found = report(hg)
    assert {each.value for each in found.measures} == {None, 0}
    assert (found.course, found.positions, found.models) == ([], [], [])
    assert all(each.met is None for each in found.targets)


def test_figures_that_are_no_more_are_taken_back(hg: Honeyguide) -> None:
    browse(hg)
    hg.runtime.quality.work()
    assert gauge(hg, "ctr_ratio", surface="home", window="1h") is not None
    clock_of(hg).advance(5 * 3600)
    hg.runtime.quality.work()
    assert gauge(hg, "ctr_ratio", surface="home", window="1h") is None
    assert gauge(hg, "ctr_ratio", surface="home", window="1d") is not None


def test_a_worker_reads_the_items_itself(hg: Honeyguide) -> None:
    browse(hg)
    runtime = hg.runtime
    block = type(runtime.items)()

    def load() -> None:
        for batch in runtime.store.catalogue.scan_items():
            block.put(batch)

    QualityMonitors(runtime.store, block, runtime.settings, runtime.clock, Metrics(), load=load).work()
    assert {each.name: each.value for each in report(hg).measures}["coverage"] is not None


def test_old_figures_go(hg: Honeyguide) -> None:
    browse(hg)
    hg.runtime.quality.work()
    clock_of(hg).advance(12 * 86_400)
    hg.runtime.quality.work()
    table = hg.runtime.store.quality
    assert table.of("tally", "hour", since=0, until=START + DAY) == []
    assert table.of("ctr", "hour", since=0, until=START + DAY) != []
    assert table.of("tally", "day", since=0, until=START + DAY) != []
    clock_of(hg).advance(400 * 86_400)
    hg.runtime.quality.work()
    assert table.of("ctr", "day", since=0, until=START + DAY) == []
