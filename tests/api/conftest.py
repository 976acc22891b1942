"""Sites for the tests of this folder: one that is shared by tests that only read, and a fresh one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.site import Site


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A filled site with a champion; tests of a module share it."""
    site = Site(tmp_path_factory.mktemp("shop")).fill()
    site.publish("knn")
    yield site
    site.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty site of one's own."""
    site = Site(tmp_path)
    yield site
    site.close()
