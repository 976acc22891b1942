"""What is known of trials, and what the next one will take."""

import pytest

from honeyguide.train.trials import Finished, Ledger, key_of


def trial(kind: str, rung: int, score: float = 0.1, fit: float = 1.0, ask: float = 0.5, **more: object) -> Finished:
    params = more.pop("params", {})
    fields = {"origin": "default", "fit_seconds": fit, "evaluate_seconds": ask} | more
    return Finished(kind=kind, params=params, rung=rung, score=score, **fields)  # type: ignore[arg-type]


def ledger(*trials: Finished) -> Ledger:
    return Ledger([100, 400, 1_600], [10, 10, 50], 30, list(trials))


def test_the_order_of_hyper_parameters_does_not_matter() -> None:
    assert key_of("knn", {"a": 1, "b": 2}, 0) == key_of("knn", {"b": 2, "a": 1}, 0)
    assert key_of("knn", {"a": 1}, 0) != key_of("knn", {"a": 1}, 1)


def test_the_best_of_a_model_is_that_of_its_highest_rung() -> None:
    known = ledger(trial("knn", 0, 0.9), trial("knn", 1, 0.3, params={"k": 1}), trial("knn", 1, 0.4))
    best = known.best("knn")
    assert best is not None
    assert (best.rung, best.score) == (1, 0.4)
    assert known.best("ease") is None


def test_of_equal_ones_the_first() -> None:
    known = ledger(trial("knn", 2, 0.4, params={"k": 1}), trial("knn", 2, 0.4, params={"k": 2}))
    assert known.of("knn", 2)[0].params == {"k": 1}


def test_models_are_compared_by_what_they_would_score_with_all_data() -> None:
    known = ledger(trial("knn", 0, 0.10), trial("knn", 2, 0.20), trial("ease", 0, 0.15))
    assert [best.kind for best in known.ranked(["knn", "ease"])] == ["ease", "knn"]  # 0.15 twice as good is 0.30
    known.trials.append(trial("ease", 2, 0.18))
    assert [best.kind for best in known.ranked(["knn", "ease"])] == ["knn", "ease"]


def test_a_model_that_failed_once_is_not_out_and_one_that_only_failed_is() -> None:
    known = ledger(trial("knn", 0), trial("knn", 1, failed="no memory"), trial("ease", 0, failed="no memory"))
    assert known.failed("knn") == ""
    assert known.failed("ease") == "no memory"
    assert known.failed("als") == ""


def test_a_trial_takes_what_its_like_took() -> None:
    known = ledger(trial("knn", 1, fit=1.0, ask=0.5), trial("knn", 1, fit=3.0, ask=0.2, params={"k": 1}))
    assert known.predicted("knn", {"k": 7}, 1) == pytest.approx((3.6, 0.6))


def test_fitting_grows_with_the_interactions_and_asking_with_the_users() -> None:
    assert ledger(trial("knn", 0)).predicted("knn", {}, 1) == pytest.approx((4.8, 0.6))
    assert ledger(trial("knn", 0)).predicted("knn", {}, 2) == pytest.approx((19.2, 3.0))


def test_two_rungs_tell_what_does_not_grow() -> None:
    known = ledger(trial("ease", 0, fit=10.0), trial("ease", 1, fit=11.0))
    assert known.predicted("ease", {}, 2)[0] == pytest.approx(1.2 * (11.0 + 4.0))


def test_its_own_past_counts_before_that_of_others() -> None:
    known = ledger(trial("als", 0, fit=1.0), trial("als", 0, fit=8.0, params={"factors": 256}))
    assert known.predicted("als", {"factors": 256}, 1)[0] == pytest.approx(1.2 * 32)
    assert known.predicted("als", {}, 1)[0] == pytest.approx(1.2 * 4)


def test_nobody_knows_what_a_new_model_takes() -> None:
    assert ledger().predicted("knn", {}, 0) == (0.0, 0.0)
    assert ledger(trial("knn", 0, failed="no")).predicted("knn", {}, 0) == (0.0, 0.0)


def test_all_time_is_counted() -> None:
    assert ledger(trial("knn", 0), trial("ease", 0, failed="late", fit=7.0, ask=0.0)).spent == 8.5
