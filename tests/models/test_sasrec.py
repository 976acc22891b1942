"""The sequential model: served by numpy as jax computes it, trained within its time, gone on from where it was cut."""

import importlib
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import ConfigError, DamagedArtefact
from honeyguide.models import attention, course, descent
from honeyguide.models.sasrec import SINGLY, Sasrec
from honeyguide.models.windows import Windows
from honeyguide.testing.models import ITEMS, checkerboard, histories, interactions
from honeyguide.types import FloatArray
from tests.models.small import SASREC


def untaught(**params: Any) -> Sasrec:
    """A model of weights drawn at random, with all parts at work."""
    model = Sasrec(**params)
    shape = descent.Shape(ITEMS, model.dim, model.heads, model.blocks, model.length, "gbce", 0.75, 0.0, 1e-3)
    generator = np.random.default_rng(1)
    weights = {name: array + generator.normal(0, 0.3, array.shape) for name, array in descent.start(shape, 0).items()}
    return model.with_arrays({name: array.astype(np.float32) for name, array in weights.items()})


def arrays_of(model: Sasrec) -> dict[str, FloatArray]:
    return {name: np.asarray(array) for name, array in model.arrays().items()}


def test_numpy_says_what_jax_says() -> None:
    model = untaught(dim=16, heads=4, length=20)
    shape = descent.Shape(ITEMS, 16, 4, 2, 20, "gbce", 0.75, 0.5, 1e-3)
    items = np.random.default_rng(0).integers(0, ITEMS, (3, 20)).astype(np.int32)
    weights = arrays_of(model)
    theirs = np.asarray(descent.forward(weights, items, shape, None))
    for row in range(3):
        for place in (0, 1, 7, 19):
            own = attention.state(weights, items[row, : place + 1])
            np.testing.assert_allclose(own, theirs[row, place], rtol=1e-4, atol=1e-4)


def test_only_the_latest_steps_are_looked_at_and_their_order_matters() -> None:
    model = untaught(dim=8, length=4)
    scores = model.scores(histories([9, 1, 2, 3, 4], [1, 2, 3, 4], [1, 3, 2, 4], [1, 2, 2, 3, 4, 4]))
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[3], scores[1])  # a run is one step
    assert np.abs(scores[2] - scores[1]).max() > 1e-3


def test_scores_are_above_and_below_that_of_an_average_item() -> None:
    scores = untaught(dim=8).scores(histories([1, 2, 3]))
    np.testing.assert_allclose(scores.mean(), 0, atol=1e-5)


def test_contributions_are_told_apart_for_the_latest_and_shared_by_the_older() -> None:
    model = untaught(dim=8, length=SINGLY + 9)
    own = [place * 3 % 7 for place in range(SINGLY + 12)]
    asked, items = histories(own), np.arange(5, dtype=np.int32)
    parts = model.contributions(asked, items)
    np.testing.assert_allclose(parts.sum(axis=0), model.scores(asked)[0, :5], rtol=1e-4, atol=1e-5)
    assert (parts[:3] == 0).all()  # beyond the length
    older = parts[3 : len(own) - SINGLY]
    np.testing.assert_array_equal(older, np.broadcast_to(older[0], older.shape))
    np.testing.assert_allclose(parts[-1], model.scores(histories(own[-1:]))[0, :5], rtol=1e-4, atol=1e-5)


def test_each_step_is_learned_from_but_those_that_are_held_out() -> None:
    lists = [list(range(30)), [3, 4], [5], [7, 7, 8, 8, 9, 7], list(range(10)), list(range(40, 60))]
    users = [user for user, own in enumerate(lists) for _ in own]
    data = interactions(users, [item for own in lists for item in own], n_items=60)
    windows = Windows.of(data, 8, seed=0)
    assert len(windows) == 5  # whoever took one step teaches no order
    assert len(windows.asked) == 0  # a fifth of four people is nobody
    pairs = set()
    for seed in range(3):
        for batch in windows.batches(4, np.random.default_rng(seed)):
            real = batch["mass"] > 0
            assert batch["inputs"].shape == (4, 8)
            pairs |= set(zip(batch["inputs"][real].tolist(), batch["targets"][real].tolist(), strict=True))
    expected = {pair for own in lists for pair in itertools.pairwise(own) if pair[0] != pair[1]}
    assert pairs == expected


def test_what_is_held_out_is_in_no_window() -> None:
    windows = Windows.of(checkerboard(), 4, seed=0)
    asked = list(windows.questions())
    assert len(asked) == 12
    for latest, target, past in asked:
        assert target not in past
        assert latest.tolist() == past.tolist()[-4:]
    seen = [0, 0]
    for batch in windows.batches(16, np.random.default_rng(0)):
        seen[0] = max(seen[0], int(batch["mass"].sum(axis=1).max()))
        seen[1] += int(batch["mass"].sum())
    assert seen[0] == 4
    assert seen[1] >= 20 * 16 * 2


def test_a_better_order_of_items_has_a_better_ndcg() -> None:
    windows = Windows.of(checkerboard(), 8, seed=0)
    taught, begun = Sasrec(**SASREC).fit(checkerboard(), seed=0), untaught(dim=8, blocks=1, length=8)
    touched = np.arange(ITEMS, dtype=np.int32)
    good, bad = (course.ndcg(arrays_of(model), windows, touched) for model in (taught, begun))
    assert 0 < bad < good <= 1


def test_the_other_loss_learns_the_colours_too() -> None:
    model = Sasrec(**SASREC | {"loss": "gbce"}).fit(checkerboard(), seed=1)
    scores = model.scores(histories([0, 2, 4], [1, 3, 5]))
    assert scores[0, 6::2].min() > scores[0, 7::2].max()
    assert scores[1, 7::2].min() > scores[1, 6::2].max()


def test_training_goes_on_from_where_it_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "ndcg", lambda weights, *_: float(np.abs(weights["items"]).sum()))  # it grows
    asked = histories([0, 2, 4], [1])
    whole = Sasrec(**SASREC | {"rounds": 4}).fit(checkerboard(), seed=2).scores(asked)
    half = Sasrec(**SASREC | {"rounds": 2, "checkpoint": str(tmp_path)}).fit(checkerboard(), seed=2).scores(asked)
    told: list[float] = []
    again = Sasrec(**SASREC | {"rounds": 4, "checkpoint": str(tmp_path)}).fit(checkerboard(), seed=2, progress=told.append)
    np.testing.assert_array_equal(again.scores(asked), whole)
    assert told[0] == 0.5
    assert np.abs(half - whole).max() > 0


def test_a_checkpoint_of_other_data_or_of_none_is_not_gone_on_from(tmp_path: Path) -> None:
    asked = histories([0, 2, 4], [1])
    plain = Sasrec(**SASREC | {"rounds": 1}).fit(checkerboard(), seed=2).scores(asked)
    kept = Sasrec(**SASREC | {"rounds": 1, "checkpoint": str(tmp_path)})
    kept.fit(checkerboard(seed=5), seed=2)
    np.testing.assert_array_equal(kept.fit(checkerboard(), seed=2).scores(asked), plain)
    kept.fit(checkerboard(seed=7), seed=2)
    assert len(list(tmp_path.iterdir())) == 2
    kept.fit(checkerboard(), seed=2)
    file = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(kept.fit(checkerboard(), seed=2).scores(asked), plain)


def test_training_ends_when_its_time_is_over_or_nothing_gets_better(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ticking(ManualClock):
        def monotonic(self) -> float:
            self.ms += 1_000
            return super().monotonic()

    monkeypatch.setattr(Sasrec, "clock", Ticking())
    passes = []

    def worse_and_worse(*_: object) -> float:
        passes.append(1)
        return 1 / len(passes)

    monkeypatch.setattr(course, "ndcg", worse_and_worse)
    told: list[float] = []
    Sasrec(**SASREC | {"budget": 30.0}).fit(checkerboard(), seed=0, progress=told.append)
    assert len(passes) == 2  # 20 batches are a pass
    assert told[-1] == 1.0
    passes.clear()
    Sasrec(**SASREC | {"budget": 0.0, "patience": 3}).fit(checkerboard(), seed=0)
    assert len(passes) == 4  # the first was the best


def test_without_the_library_training_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    model = untaught(dim=8)
    monkeypatch.setitem(sys.modules, "jax", None)
    descent.compiled.cache_clear()
    with pytest.raises(ConfigError, match=r"honeyguide\[sequential\]"):
        Sasrec(**SASREC).fit(checkerboard())
    assert np.isfinite(model.scores(histories([1, 2]))).all()  # serving needs none of it


def test_nothing_imports_the_library_but_training() -> None:
    for name in ("attention", "course", "descent", "sasrec", "windows"):
        module = importlib.import_module(f"honeyguide.models.{name}")
        assert not {"jax", "optax"} & set(vars(module))


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"dim is 10.*multiple of models\.params\.sasrec\.heads"):
        Sasrec(dim=10, heads=4)
    with pytest.raises(ConfigError, match=r"sasrec\.checkpoint is 3"):
        Sasrec(checkpoint=3)  # type: ignore[arg-type]
    arrays = dict(untaught(dim=8).arrays())
    with pytest.raises(DamagedArtefact, match="near"):
        Sasrec(dim=8, length=3).with_arrays(arrays)


def test_memory_grows_with_items_and_not_with_people() -> None:
    model = Sasrec()
    assert model.peak_bytes(10**6, 10**4, 10**6) - model.peak_bytes(10, 10**4, 10**6) == 64 * (10**6 - 10)
    assert model.peak_bytes(10, 10**6, 0) > 9 * 4 * 64 * 10**6
