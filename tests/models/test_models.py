"""Every model of the registry under the shared suite; a new one is found by itself."""

from typing import ClassVar

import pytest

from honeyguide.errors import ConfigError, InvalidInput
from honeyguide.models import REGISTRY
from honeyguide.models.blend import Blend
from honeyguide.testing.models import ModelSuite, histories
from tests.models.small import SASREC

SMALL = {
    "als": {"factors": 8, "regularization": 1.0},
    "ease": {"l2": 5.0},
    "graph": {"factors": 4, "share": 0.1},
    "sasrec": SASREC,
    "blend": {"parts": {"knn": {}, "markov": {"window": 5}}},
}

for _name, _class in REGISTRY.items():
    _suite = f"Test{_name.title()}"
    globals()[_suite] = type(_suite, (ModelSuite,), {"model_class": _class, "params": SMALL.get(_name, {})})


class TestBlendOfGivenWeights(ModelSuite):
    model_class = Blend
    params: ClassVar = {"parts": {"ease": {"l2": 5.0}, "bayes": {}, "popular": {}}, "weights": {"ease": 1.0, "bayes": 0.5}}


def test_all_models_are_there() -> None:
    assert {"popular", "trending", "knn", "ease", "als", "markov", "bayes", "graph", "ridge", "blend"} <= set(REGISTRY)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_a_hyper_parameter_out_of_range_is_refused_by_name(name: str) -> None:
    first = next(iter(REGISTRY[name]().params()))
    with pytest.raises(ConfigError, match=rf"models\.params\.{name}\.{first}"):
        REGISTRY[name](**{first: "many"})


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_an_untrained_model_says_so(name: str) -> None:
    with pytest.raises(InvalidInput, match="not trained"):
        REGISTRY[name]().scores(histories([0]))
