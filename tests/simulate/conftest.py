"""Shops to test with: the one of the demo, and a small one. Both are frozen, so all tests may share them."""

import polars as pl
import pytest

from honeyguide.simulate import Shop, history, make_shop

OPENED = 1_780_000_000_000


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The shop of the demo."""
    return make_shop()


@pytest.fixture(scope="session")
def past(shop: Shop) -> pl.DataFrame:
    """A month of the demo shop's events."""
    return history(shop)


@pytest.fixture(scope="session")
def small() -> Shop:
    """A shop that a server is filled with in no time."""
    return make_shop(items=160, users=60, seed=5, opened_at=OPENED)
