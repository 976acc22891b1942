"""Blocks, threads, memory."""

import threading
from pathlib import Path

import numpy as np
import pytest

from honeyguide.errors import NotEnoughMemory
from honeyguide.models import REGISTRY, resources
from honeyguide.models.resources import blocks, each, free_memory, threads
from honeyguide.testing.models import checkerboard


def test_blocks_hold_no_more_than_they_may_and_every_row_once() -> None:
    costs = np.array([3, 1, 1, 9, 2, 2, 2])
    assert blocks(costs, 5) == [slice(0, 3), slice(3, 4), slice(4, 6), slice(6, 7)]
    assert blocks(costs[:0], 5) == []
    assert blocks(costs, 1_000) == [slice(0, 7)]


def test_each_keeps_the_order_and_tells_how_far_it_is() -> None:
    told: list[float] = []
    assert list(each(lambda part: part * part, list(range(20)), told.append)) == [part * part for part in range(20)]
    assert told == [pytest.approx((place + 1) / 20) for place in range(20)]


def test_each_raises_what_a_part_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each(lambda part: 1 // part, [1, 0, 1]))


def test_few_parts_wait_at_a_time() -> None:
    made, lock = [0], threading.Lock()

    def work(part: int) -> int:
        with lock:
            made[0] += 1
        return part

    for place, _ in enumerate(each(work, list(range(50)))):
        assert made[0] <= place + 1 + 2 * threads() + 1


def test_threads_are_those_of_the_numeric_libraries() -> None:
    assert threads() >= 1


def files(folder: Path, **texts: str) -> dict[str, Path]:
    """Files of these contents."""
    made = {name: folder / name for name in texts}
    for name, text in texts.items():
        made[name].write_text(text)
    return made


def test_free_memory_is_what_the_machine_has_or_the_control_group_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = files(tmp_path, info="MemTotal: 9 kB\nMemAvailable: 5000 kB\n", limit="4000000\n", used="1000000\n", none="max\n")
    monkeypatch.setattr(resources, "_MEMINFO", own["info"])
    monkeypatch.setattr(resources, "_CGROUPS", ())
    assert free_memory() == 5_000 * 1024
    monkeypatch.setattr(resources, "_CGROUPS", ((own["limit"], own["used"]),))
    assert free_memory() == 3_000_000
    monkeypatch.setattr(resources, "_CGROUPS", ((own["none"], own["used"]),))
    assert free_memory() == 5_000 * 1024
    monkeypatch.setattr(resources, "_MEMINFO", tmp_path / "elsewhere")
    assert free_memory() > 0


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_a_fit_that_does_not_fit_is_refused_before_it_begins(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyguide.models.trained.free_memory", lambda: 1_000)
    told: list[float] = []
    with pytest.raises(NotEnoughMemory, match=rf"{name} over 60 users, 16 items .* GB of memory") as caught:
        REGISTRY[name]().fit(checkerboard(), progress=told.append)
    assert caught.value.cure
    assert told == []
