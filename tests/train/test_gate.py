"""Who may serve: judged by the lists that users would get."""

import numpy as np
import pytest

from honeyguide.config.settings import Settings
from honeyguide.errors import GateNotMet
from honeyguide.offline.evaluation import Evaluation
from honeyguide.train.compare import Trial
from honeyguide.train.gate import judge


def quality(ndcg: float) -> Evaluation:
    return Evaluation(20, {"ndcg": np.full(10, ndcg), "recall": np.full(10, ndcg)}, 0.1, 3.0)


def trial(name: str, alone: float, served: float) -> Trial:
    return Trial(name, quality(alone), quality(served), 1.0, 1.0)


def test_a_model_that_is_good_alone_and_not_as_served_does_not_pass() -> None:
    trials = [trial("popular", 0.0914, 0.0919), trial("knn", 0.0972, 0.0901)]
    verdict = judge(trials, Settings(), serving="")
    assert (verdict.champion, verdict.margin) == ("popular", None)
    with pytest.raises(GateNotMet, match=r"knn, has served ndcg@20 0\.0901 against 0\.0919 of popularity"):
        judge(trials, Settings(), serving="ease@1")


def test_the_champion_has_the_best_lists_as_served() -> None:
    trials = [trial("popular", 0.1, 0.1), trial("ease", 0.5, 0.3), trial("knn", 0.4, 0.35)]
    verdict = judge(trials, Settings(), serving="ease@1")
    assert verdict.champion == "knn"
    assert verdict.reason == "knn is the best: served ndcg@20 0.3500 against 0.1000 of popularity"
    assert verdict.margin is not None
    assert verdict.margin.mean == pytest.approx(0.25)


def test_a_model_that_refused_the_data_is_not_judged() -> None:
    trials = [trial("popular", 0.1, 0.1), trial("knn", 0.4, 0.2), Trial("ease", None, None, 0.0, 0.0, "too many items")]
    assert judge(trials, Settings(), serving="").champion == "knn"


def test_a_model_that_is_worse_than_what_serves_does_not_pass() -> None:
    trials = [trial("popular", 0.1, 0.1), trial("knn", 0.4, 0.3)]
    present = trial("ease", 0.5, 0.35)
    with pytest.raises(GateNotMet, match=r"worse than what serves, ease@1 trained on the same past: -0\.0500 per user"):
        judge(trials, Settings(), serving="ease@1", present=present)
    assert judge(trials, Settings(), serving="ease@1", present=trial("ease", 0.4, 0.3)).champion == "knn"
    assert judge(trials, Settings(), serving="ease@1", present=Trial("ease", None, None, 0, 0, "no")).champion == "knn"


def test_a_gain_that_may_be_chance_is_said() -> None:
    values = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.9])
    one = Evaluation(20, {"ndcg": values[::-1].copy(), "recall": values}, 0.1, 3.0)
    base = Evaluation(20, {"ndcg": values * 0.9, "recall": values}, 0.1, 3.0)
    trials = [Trial("popular", base, base, 1.0, 1.0), Trial("knn", one, one, 1.0, 1.0)]
    verdict = judge(trials, Settings(), serving="")
    assert verdict.champion == "knn"
    assert verdict.margin is not None
    assert verdict.margin.low < 0 < verdict.margin.high
    assert verdict.reason.endswith("the gain may be chance, since its 95 % interval reaches down to 0")
