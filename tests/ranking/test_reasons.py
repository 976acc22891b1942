"""Reasons: exact, about the user's own deeds, and always there."""

import numpy as np
import pytest

from honeyguide.models.ease import Ease
from honeyguide.protocols import Request, ServedModel
from honeyguide.ranking import reasons_for
from honeyguide.retrieval.learned import model_history, tie_to_block
from honeyguide.testing.models import interactions
from honeyguide.types import Pool
from tests.world import block, item, request

NAMES = ["tea", "pot", "cup", "ball", "bat"]
SHOP = block([*(item(name) for name in NAMES), item("new"), item("untitled", title="")])
NAN = float("nan")


@pytest.fixture(scope="module")
def ease() -> ServedModel:
    users, items = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3], [0, 1, 2, 0, 1, 2, 3, 4, 3, 4]
    model = Ease(l2=0.5).fit(interactions(users, items, n_items=5))
    return tie_to_block("ease@1", model, NAMES, [], SHOP)


def reasons(asked: Request, rows: list[str], ranks: list[list[float]], sources: tuple[str, ...]) -> list[tuple[str, ...]]:
    places = np.array(ranks, dtype=np.float32)
    pool = Pool(SHOP.numbers_of(rows), places, np.full_like(places, np.nan), sources)
    history = model_history(asked.model, asked) if asked.model is not None else None
    found = reasons_for(asked, pool, np.arange(len(rows), dtype=np.int32), history)
    return [(each.code, each.text) for each in found]


def test_the_deed_that_speaks_most_for_the_item_is_named(ease: ServedModel) -> None:
    asked = request(SHOP, model=ease, history=[("ball", "view", 1.0), ("tea", "view", 1.0), ("tea", "purchase", 8.0)])
    assert reasons(asked, ["pot", "bat"], [[0], [1]], ("model",)) == [
        ("because_of", "because you bought Tea"),
        ("because_of", "because you looked at Ball"),
    ]


def test_the_share_is_of_all_that_speaks_for_it(ease: ServedModel) -> None:
    asked = request(SHOP, model=ease, history=[("tea", "view", 1.0), ("pot", "view", 1.0)])
    pool = Pool(SHOP.numbers_of(["cup"]), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32), ("model",))
    history = model_history(ease, asked)
    reason = reasons_for(asked, pool, np.array([0]), history)[0]
    parts = ease.model.contributions(history, np.array([2], dtype=np.int32))[:, 0]
    assert reason.share == pytest.approx(parts.max() / parts[parts > 0].sum(), abs=1e-4)
    assert reason.item_id in ("tea", "pot")


def test_what_the_history_says_nothing_for_gets_the_reason_of_its_source(ease: ServedModel) -> None:
    asked = request(SHOP, model=ease, history=[("ball", "view", 1.0)])
    assert reasons(asked, ["tea", "new"], [[3, 0], [NAN, 1]], ("model", "popular"))[1] == (
        "popular",
        "popular with other shoppers",
    )
    assert reasons(asked, ["tea"], [[3, 0]], ("model", "popular")) == [("popular", "popular with other shoppers")]
    assert reasons(asked, ["tea"], [[3]], ("model",)) == [("ranked", "fits what you like")]


def test_the_other_sources() -> None:
    asked = request(SHOP, item_id="tea")
    assert reasons(asked, ["pot"], [[0, 4]], ("similar", "popular")) == [("similar_to", "similar to Tea")]
    assert reasons(request(SHOP), ["pot"], [[0, 4]], ("interests", "popular"))[0][0] == "popular_in_interests"
    assert reasons(request(SHOP), ["new"], [[0]], ("new",)) == [("new", "new here")]


def test_an_item_without_a_title_is_called_by_its_id(ease: ServedModel) -> None:
    asked = request(SHOP, item_id="untitled")
    assert reasons(asked, ["tea"], [[0]], ("similar",)) == [("similar_to", "similar to untitled")]


def test_no_positions_no_reasons(ease: ServedModel) -> None:
    assert reasons(request(SHOP, model=ease, history=[("tea", "view", 1.0)]), [], np.empty((0, 1)), ("model",)) == []  # type: ignore[arg-type]
