"""What the figures promise as a whole: the same on every store, nothing of people in them, nothing lost when broken off."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock, SystemClock
from honeyguide.config.quality import Quality
from honeyguide.config.settings import FeatureStore
from honeyguide.jobs.quality import QualityMonitors
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.measures import MEASURES
from honeyguide.monitoring.quality.report import DAY, HOUR, Reports
from honeyguide.monitoring.quality.tally import TALLY, decoded
from honeyguide.protocols.quality import Slice
from tests import postgres
from tests.shop import NOW, catalogue, open_shop

START = NOW - NOW % DAY + 4 * HOUR


def browse(hg: Honeyguide, *, hours: int = 3) -> None:
    """Some lists an hour, with what became of them; the same on every store but for the request ids."""
    clock = hg.runtime.clock
    assert isinstance(clock, ManualClock)
    for hour in range(hours):
        for number in range(6):
            slate = hg.recommend(f"u{number}", n=4)
            clock.advance(30)
            who: dict[str, Any] = {
                "user_id": f"u{number}",
                "request_id": slate.request_id,
            }
            events: list[dict[str, Any]] = [
                {
                    "type": "impression",
                    "properties": {"items": [item.item_id for item in slate.items[:3]]},
                },
            ]
            if number % 2 == hour % 2:
                events.append({"type": "click", "item_id": slate.items[0].item_id})
            if number == 0:
                events.append({"type": "purchase", "item_id": slate.items[0].item_id, "value": 3.5})
            assert not hg.ingest([who | each for each in events], imported=False).rejected
        clock.advance(HOUR / 1000 - 180)
    hg.run(hg.runtime.slates.round())


def told(hg: Honeyguide) -> dict[str, dict[str, float | None]]:
    """All figures of every hour, by the beginning of the hour."""
    table = hg.runtime.store.quality
    found: dict[str, dict[str, float | None]] = {}
    for name in MEASURES:
        for row in table.of(name, "hour", since=0, until=2**60):
            found.setdefault(f"{row.starts_at} {row.slice}", {})[name] = row.value
    return found


def measure(hg: Honeyguide) -> None:
    while hg.runtime.quality.work():
        pass


@pytest.fixture
def hg(tmp_path: Path) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=ManualClock(START), feature_store=FeatureStore(log_share=1.0)) as opened:
        yield opened


def test_postgresql_gives_the_same_figures(hg: Honeyguide, tmp_path: Path) -> None:
    """Of the same log and the same lists."""
    browse(hg)
    measure(hg)
    runtime = hg.runtime
    settings = postgres.patient(postgres.new_url(), tmp_path / "other")
    with Honeyguide.open(settings, clock=runtime.clock) as other:
        store = other.runtime.store
        for batch in runtime.store.log.scan():
            for start in range(0, len(batch), 1000):
                other.run(store.log.append(batch[start : start + 1000]))
        slates = [slate for batch in runtime.store.slates.scan() for _, slate in batch]
        assert store.slates.append(slates).stored == len(slates) == 18
        champion = runtime.store.registry.aliases()["champion"]
        store.registry.publish(champion)
        store.registry.set_alias("champion", champion.model, champion.version)
        monitors = QualityMonitors(
            store,
            other.runtime.items,
            settings,
            runtime.clock,
            Metrics(),
            load=other.runtime._item_refresh.load,
        )
        while monitors.work():
            pass
        assert len(told(hg)) >= 9
        assert told(other) == told(hg)


def test_figures_hold_nothing_of_people(hg: Honeyguide) -> None:
    """Neither ids of users nor of sessions or requests: nothing has to be erased from them."""
    browse(hg, hours=2)
    measure(hg)
    table = hg.runtime.store.quality
    people = [f"u{number}".encode() for number in range(6)]
    requests = [slate.request_id.encode() for batch in hg.runtime.store.slates.scan() for _, slate in batch]
    rows = table.of(TALLY, "hour", since=0, until=2**60)
    assert len(rows) > 5
    for row in rows:
        text = repr(decoded(row.detail or "")).encode()
        assert not [each for each in requests if each in text]
        assert not [each for each in people if b"'" + each + b"'" in text]
    tally = decoded(rows[-1].detail or "")
    assert set(tally.exposures) <= {each["item_id"] for each in catalogue()}


def test_an_erased_user_leaves_the_figures_as_they_were(hg: Honeyguide) -> None:
    browse(hg, hours=2)
    measure(hg)
    before = told(hg)
    job = hg.run(hg.runtime.erase_user("u0"))
    assert job.kind == "erase"
    assert told(hg) == before


def test_a_measurement_that_is_broken_off_is_made_up_for(hg: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fault in the middle, what was folded stays and the rest is folded at the next round."""
    browse(hg, hours=4)
    table, replace = hg.runtime.store.quality, hg.runtime.store.quality.replace
    calls = 0

    def failing(period: Any, starts_at: int, rows: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError("the disk is gone")
        replace(period, starts_at, rows)

    monkeypatch.setattr(table, "replace", failing)
    with pytest.raises(OSError, match="disk"):
        hg.runtime.quality.work()
    assert len(table.computed("hour", since=0, until=2**60)) == 2
    assert table.computed("day", since=0, until=2**60) == {}
    measure(hg)
    assert len(table.computed("hour", since=0, until=2**60)) == 5
    (day,) = table.of("requests", "day", since=0, until=2**60, slice=Slice())
    assert day.value == 24


def test_a_day_is_added_up_also_when_its_hours_were_there_before(hg: Honeyguide) -> None:
    """Between the last hour and its day the process may have ended: the next measurement of any hour mends it."""
    browse(hg, hours=2)
    measure(hg)
    table = hg.runtime.store.quality
    table.expire("day", 2**60)
    clock = hg.runtime.clock
    assert isinstance(clock, ManualClock)
    clock.advance(60)
    hg.runtime.quality.work()
    (day,) = table.of("requests", "day", since=0, until=2**60, slice=Slice())
    assert day.value == 12


def test_lists_say_how_long_they_took(tmp_path: Path) -> None:
    with open_shop(tmp_path, clock=SystemClock(), train=False) as hg:
        for number in range(3):
            hg.recommend(f"u{number}", n=4)
        hg.run(hg.runtime.slates.round())
        hg.runtime.quality.work()
        took = [slate.took for batch in hg.runtime.store.slates.scan() for _, slate in batch]
        assert len(took) == 3
        assert min(took) > 0
        now = hg.runtime.clock.now_ms()
        tally = Reports(hg.runtime.store.quality, hg.runtime.settings).tallies(now - HOUR, now)[Slice()]
        assert sum(tally.latency.values()) == 3


def test_logged_features_and_scores_are_counted(hg: Honeyguide) -> None:
    hg.run(hg.runtime.columns.round())
    browse(hg, hours=1)
    measure(hg)
    table = hg.runtime.store.quality
    hour = decoded(table.of(TALLY, "hour", since=0, until=2**60, slice=Slice())[0].detail or "")
    assert sum(hour.features["user.total_purchases"].values()) > 0
    assert "user.favorite_categories" not in hour.features, "it is no number"
    (label,) = {row.slice.model for row in table.of(TALLY, "hour", since=0, until=2**60) if row.slice.model}
    scores = decoded(table.of(TALLY, "hour", since=0, until=2**60, slice=Slice("", "", label))[0].detail or "").scores
    assert sum(scores[label].values()) > 0


def test_the_gauges_are_as_prometheus_wants_them(hg: Honeyguide) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    browse(hg)
    metrics = Metrics()
    runtime = hg.runtime
    QualityMonitors(runtime.store, runtime.items, runtime.settings, runtime.clock, metrics).work()
    page = metrics.render()
    assert page.count(b"honeyguide_quality_ctr_ratio{") == 6
    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_settings_of_quality() -> None:
    assert Quality().all_targets()["ctr"] == 0.05
    assert Quality(targets={"ctr": 0.1, "novelty": 5.0}).all_targets() == {
        "ctr": 0.1,
        "conversion": 0.02,
        "latency_p95": 0.2,
        "hit_rate": 0.8,
        "coverage": 0.5,
        "diversity": 0.7,
        "novelty": 5.0,
    }
    faults: list[dict[str, Any]] = [
        {"k": 0},
        {"clicks": []},
        {"click_window": "0s"},
        {"least_shown": 0},
        {"most_lists": 10},
        {"windows": 3},
    ]
    faults += [
        {"click_window": "2d"},
        {"conversion_window": "8d"},
        {"targets": {"ctr": "high"}},
        {"keep": 0},
    ]
    for wrong in faults:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Quality.model_validate(wrong)


def test_the_page_of_quality_defines_every_measure_and_target() -> None:
    page = (Path(__file__).parents[3] / "docs" / "quality.md").read_text("utf-8")
    targets, _, rest = page.partition("## Measures")
    defined = set(re.findall(r"`([a-z0-9_]+)`", "".join(re.findall(r"^\| (`[^|]*`) \|", rest, re.MULTILINE))))
    assert defined == MEASURES.keys()
    aimed = re.findall(r"^\| `([a-z0-9_]+)` \| at (least|most) ", targets, re.MULTILINE)
    assert dict(aimed) == {
        "ctr": "least",
        "conversion": "least",
        "latency_p95": "most",
        "hit_rate": "least",
        "coverage": "least",
        "diversity": "least",
    }
    assert [name for name, _ in aimed] == list(Quality().all_targets())


def test_a_round_that_took_long_rests_longer(hg: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present hour is folded again and again, but never for more than a tenth of the time."""
    clock = hg.runtime.clock
    assert isinstance(clock, ManualClock)
    begun = list[int]()

    def work() -> int:
        begun.append(clock.ms - START)
        clock.advance(6)
        return 1

    monkeypatch.setattr(hg.runtime.quality, "work", work)
    for _ in range(20):
        hg.run(hg.runtime.quality.round())
        clock.advance(9)
    assert begun[:3] == [
        0,
        60_000,
        120_000,
    ]
