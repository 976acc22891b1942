"""The point of it all: clicks and purchases move when the lists get better, by the figures that the report shows."""

import asyncio

import pytest

from honeyguide import Honeyguide
from honeyguide.simulate import Shop, make_shop
from honeyguide.simulate.shoppers import Pace
from honeyguide.simulate.traffic import Traffic
from tests.simulate.conftest import OPENED
from tests.simulate.serving import Shopping, copied, fill, settings


@pytest.fixture(scope="module")
def town() -> Shop:
    """A shop with users enough to learn from."""
    return make_shop(items=300, users=500, seed=8, opened_at=OPENED)


@pytest.fixture(scope="module")
def measured(town: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Traffic]:
    """The traffic of the same visits, once while `popular` serves and once while `ease` does."""
    folder = tmp_path_factory.mktemp("town")
    fill(town, folder / "filled")
    found = {}
    for name in ("popular", "ease"):
        with copied(folder / "filled", folder / name) as data_dir:
            with Honeyguide.open(settings(data_dir)) as hg:
                hg.runtime.store.registry.set_alias("champion", name, 1)
            shopping = Shopping(town, data_dir)
            shoppers = shopping.shoppers(pace=Pace(lists=0, together=4))
            found[name] = asyncio.run(shopping.run(shoppers, lists=500))
    return found


def test_the_report_says_which_model_served(measured: dict[str, Traffic]) -> None:
    for name, traffic in measured.items():
        assert not traffic.failures
        assert {each.model for each in traffic.slices if each.model} == {f"{name}@1"}


def test_a_better_model_gets_more_clicks_and_purchases(measured: dict[str, Traffic]) -> None:
    popular, ease = measured["popular"].ours, measured["ease"].ours
    assert ease.ctr > 1.4 * popular.ctr
    assert ease.conversion > 1.2 * popular.conversion
    assert ease.coverage > 3 * popular.coverage


def test_the_references_stand_still_meanwhile(measured: dict[str, Traffic]) -> None:
    for name in ("random", "popularity", "oracle"):
        popular, ease = (traffic.tallies[name] for traffic in measured.values())
        assert popular.ctr == pytest.approx(ease.ctr, rel=0.1)


def test_it_lies_between_random_and_the_oracle(measured: dict[str, Traffic]) -> None:
    for traffic in measured.values():
        assert traffic.tallies["random"].ctr < traffic.ours.ctr < traffic.tallies["oracle"].ctr


def test_lists_are_varied_and_often_from_the_cache(measured: dict[str, Traffic]) -> None:
    assert measured["ease"].ours.diversity > 0.7
    assert measured["ease"].cached / measured["ease"].ours.lists > 0.3
