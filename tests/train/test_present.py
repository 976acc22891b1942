"""What serves, as a training meets it."""

from typing import Any

import pytest

from honeyguide.models import untrained
from honeyguide.train.present import not_compared, seconds_of, twin_of
from honeyguide.types import ModelVersion


def champion(model: str, params: dict[str, Any] | None = None, **metrics: Any) -> ModelVersion:
    return ModelVersion(model, 3, 1_700_000_000_000, 100, metrics, {"params": params or {}})


def test_a_twin_has_the_hyper_parameters_of_what_serves() -> None:
    (twin,) = twin_of(champion("ease", {"l2": 77.0}), [untrained("ease"), untrained("knn")])
    assert twin.name == "ease"
    assert twin.params()["l2"] == 77.0


@pytest.mark.parametrize(
    "serving",
    [
        None,
        champion("popular"),
        champion("ease", untrained("ease").params()),
        champion("a model of another release"),
        champion("ease", {"a parameter of another release": 1}),
        champion("ease", {"l2": "much"}),
    ],
)
def test_nothing_to_compare_with(serving: ModelVersion | None) -> None:
    assert twin_of(serving, [untrained("ease")]) == []


def test_the_time_that_a_search_leaves_for_it() -> None:
    assert seconds_of(champion("ease", fit_seconds=2.5, evaluate_seconds=1.0)) == 3.5
    assert seconds_of(champion("ease")) == seconds_of(champion("popular", fit_seconds=9.0)) == seconds_of(None) == 0.0


def test_what_takes_long_to_fit_is_not_fitted_for_a_comparison() -> None:
    serving, others = champion("sasrec", fit_seconds=3600.0), [untrained("popular"), untrained("ease")]
    assert twin_of(serving, others) == []
    assert seconds_of(serving) == 0.0
    (note,) = not_compared(serving, others)
    assert note.startswith("sasrec@3, which served until now, takes long to fit")
    assert not_compared(serving, [*others, untrained("sasrec")]) == ()
    assert not_compared(champion("ease"), others) == not_compared(None, others) == ()
