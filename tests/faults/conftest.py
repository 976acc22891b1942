"""One site for all tests of this folder; each test finds it sound and leaves it to be healed."""

from collections.abc import Iterator

import pytest

from tests.faults.site import Site, standing


@pytest.fixture(scope="session")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Iterator[Site]:
    yield _site
    _site.heal()
