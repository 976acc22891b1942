"""The sequential model: served by numpy as jax computes it, trained within its time, gone on from where it was cut."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import sequence

from honeyguide.clock import ManualClock
from honeyguide.errors import ConfigError, DamagedArtefact
from honeyguide.models import REGISTRY, attention, course, descent, quick
from honeyguide.models.blend import Blend
from honeyguide.models.sasrec import SINGLY, Sasrec
from honeyguide.models.windows import Windows
from honeyguide.offline.splits import leave_last
from honeyguide.testing.models import ITEMS, checkerboard, histories
from tests.models.small import SASREC, arrays_of, untaught


def test_numpy_says_what_jax_says() -> None:
    model = untaught(dim=16, heads=4, length=20)
    shape = descent.Shape(ITEMS, 16, 4, 2, 20, "gbce", 0.75, 0.5, 1e-3)
    items = np.random.default_rng(0).integers(0, ITEMS, (3, 20)).astype(np.int32)
    weights = arrays_of(model)
    jax, _ = descent.library()
    theirs = np.asarray(jax.jit(lambda own, rows: descent.forward(own, rows, shape, None))(weights, items))
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


def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    told: list[float] = []
    with pytest.raises(ConfigError, match=r"file cannot hold a checkpoint.*models\.params\.sasrec\.checkpoint"):
        Sasrec(**SASREC | {"checkpoint": str(tmp_path / "file")}).fit(checkerboard(), progress=told.append)
    assert told == []


def test_a_run_shares_what_its_step_adds() -> None:
    model, items = untaught(dim=8), np.arange(4, dtype=np.int32)
    plain = model.contributions(histories([1, 2, 3]), items)
    runs = model.contributions(histories([1, 2, 2, 2, 2, 3]), items)
    np.testing.assert_allclose(runs[[0, 5]], plain[[0, 2]], rtol=1e-5)
    np.testing.assert_allclose(runs[1:5], np.repeat(plain[1:2] / 4, 4, axis=0), rtol=1e-5)


def test_items_between_unknown_ones_are_one_after_another() -> None:
    model = untaught(dim=8)
    np.testing.assert_array_equal(model.scores(histories([1, -1, 2])), model.scores(histories([1, 2])))
    np.testing.assert_array_equal(model.scores(histories([1, -1, 1])), model.scores(histories([1])))  # a run all the same


def test_a_batch_is_to_the_bit_what_its_histories_are_alone() -> None:
    model, rows = untaught(dim=16), [[1, 2, 3], [], [4], [5, 6, 7, 8, 9, 1, 2, 3]]
    batch = model.scores(histories(*rows))
    for row, together in zip(rows, batch, strict=True):
        np.testing.assert_array_equal(model.scores(histories(row))[0], together)


def test_it_is_a_part_of_a_blend() -> None:
    blend = Blend(parts={"sasrec": SASREC, "popular": {}}, weights={"sasrec": 1.0, "popular": 0.1}).fit(
        checkerboard(), seed=1
    )
    asked, items = histories([0, 2, 4]), np.arange(ITEMS, dtype=np.int32)
    gain = blend.scores(asked)[0] - blend.scores(histories([]))[0]
    np.testing.assert_allclose(blend.contributions(asked, items).sum(axis=0), gain, rtol=1e-3, atol=1e-5)
    assert gain[6::2].min() > gain[7::2].max()


def test_a_search_tries_it_only_where_it_is_named() -> None:
    assert "sasrec" in REGISTRY
    assert "sasrec" not in quick()
    assert {"popular", "markov", "blend"} <= set(quick())


def test_the_curve_is_measured_from_what_a_checkpoint_says(tmp_path: Path) -> None:
    split = leave_last(checkerboard())
    model = Sasrec(**SASREC | {"checkpoint": str(tmp_path), "rounds": 2}).fit(split.train, seed=0)
    stand = sequence.stand_of(tmp_path)
    assert (stand["done"], len(stand["curve"])) == (2, 2)
    told = sequence.row("sasrec", model, split, stand)
    assert told["passes"] == 2
    assert 0 <= float(told["NDCG@10"]) <= float(told["HR@10"]) <= 1
    assert sequence.row("sasrec", model, split, {})["validation"] == ""
