"""One site for the tests of a file; each test finds it sound and leaves it to be healed.

Not one for all files: tests of other folders run in between, and stop the PostgreSQL that a worker's tests share."""

from collections.abc import Iterator

import pytest

from tests.faults.site import Site, standing


@pytest.fixture(scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Iterator[Site]:
    yield _site
    _site.heal()
