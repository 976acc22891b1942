"""Served features against the log: nothing differs where nothing is wrong, and what is wrong is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import FeatureStore
from honeyguide.features.served import agree
from honeyguide.features.state import State, encode
from honeyguide.types import FeatureCheck
from tests.shop import NOW, TEA, open_shop


@pytest.fixture
def hg(tmp_path: Path) -> Iterator[Honeyguide]:
    settings = FeatureStore(log_share=1.0)
    with open_shop(tmp_path, clock=ManualClock(NOW), feature_store=settings) as opened:
        yield opened


def serve(hg: Honeyguide, *users: str) -> list[str]:
    """Lists for these users, with columns of now."""
    runtime = hg.runtime
    runtime.folding.refresh()
    hg.run(runtime.columns.round())
    ids = [hg.recommend(user, n=5).request_id for user in users]
    hg.run(runtime.slates.round())
    return ids


def checked(hg: Honeyguide) -> FeatureCheck:
    hg.run(hg.runtime.feature_check.round())
    found: FeatureCheck = hg.runtime.store.features.checked()
    return found


def metric(hg: Honeyguide, name: str, view: str) -> float | None:
    value: float | None = hg.runtime.metrics.registry.get_sample_value(f"honeyguide_{name}", {"feature_view": view})
    return value


def test_what_was_served_agrees_with_the_log(hg: Honeyguide) -> None:
    clock = hg.runtime.clock
    assert isinstance(clock, ManualClock)
    for step in range(6):
        users = [f"u{number}" for number in range(step, step + 4)]
        for number, user in enumerate(users):
            event = {"type": ["click", "purchase", "rating"][number % 3], "user_id": user, "item_id": TEA[number]}
            hg.ingest([event | {"value": 4.5, "ts": clock.ms - 7_000 * number}], imported=False)
        serve(hg, *users)
        hg.ingest([{"item_id": TEA[step], "price": 20.0 + step, "title": "New"}], "items")
        clock.advance(1_801)
    found = checked(hg)
    assert {name for name, (_, wrong) in found.views.items() if wrong} == set()
    made = sum(slate.features is not None for batch in hg.runtime.store.slates.scan() for _, slate in batch)
    assert 10 < made < 24, "some came from the cache"
    assert found.views["total_spent"] == found.views["favorite_categories"] == (made, 0)
    assert found.views["clicks_1h"] == (made * 5, 0)
    assert (found.sequence, found.checked_at) == (hg.runtime.store.slates.count(), clock.ms)
    assert metric(hg, "feature_compared_total", "clicks_1h") == made * 5
    assert metric(hg, "feature_mismatch_ratio", "clicks_1h") == 0
    again = checked(hg)
    assert again.views == found.views, "each slate is looked at once"


def test_a_state_that_is_wrong_is_found(hg: Honeyguide) -> None:
    runtime = hg.runtime
    serve(hg, "u1")
    for plan, name in ((runtime.features.users, "u0"), (runtime.features.items, "tea")):
        mark = runtime.store.features.mark(plan.group)
        assert mark is not None
        runtime.store.features.amend(plan.group, {name: encode(plan, State())}, at=mark.sequence)
    hg.run(runtime.columns.round())
    (request_id,) = serve(hg, "u0")
    slate = hg.run(runtime.store.slates.get(request_id))
    assert slate is not None
    found = checked(hg)
    assert found.views["total_purchases"] == (2, 1)
    assert metric(hg, "feature_mismatches_total", "total_purchases") == 1
    assert metric(hg, "feature_mismatch_ratio", "total_purchases") == 0.5
    assert {"request_id": request_id, "view": "total_purchases"} in found.examples
    assert (found.views["purchases_30d"][1] == 1) == ("tea" in slate.items)


def test_old_findings_fade(hg: Honeyguide) -> None:
    serve(hg, "u1")
    hg.runtime.store.features.note_check(FeatureCheck(views={"total_spent": (10, 10), "gone": (5, 5), "age": (4, 1)}))
    found = checked(hg)
    assert found.views["total_spent"] == (6, 5)
    assert "gone" not in found.views


@pytest.mark.parametrize(
    ("served", "said", "same"),
    [
        (1.0, 1, True),
        (0.1, 0.10000000149, True),
        (1.0, 1.1, False),
        (None, None, True),
        (None, 0.0, False),
        (["a", 1.0], ["a", 1.0000000001], True),
        (["a"], ["a", "b"], False),
        (("a",), ["a"], True),
        ("a", "b", False),
        (True, 1, True),
    ],
)
def test_values_agree_to_the_precision_of_columns(served: object, said: object, same: bool) -> None:
    assert agree(served, said) == same
