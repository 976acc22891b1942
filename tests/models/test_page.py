"""The page on models has every model and every hyper-parameter as the code has them."""

from dataclasses import fields
from pathlib import Path

import pytest

from honeyguide.models import REGISTRY
from honeyguide.models.trained import Trained

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def rows_of(model: type) -> list[str]:
    """The lines of the table, as they must stand on the page."""
    assert issubclass(model, Trained)
    untrained = model()
    return [
        f"| `{model.name}` | `{spec.name}` | `{getattr(untrained, spec.name)}` | {spec.metadata['doc']} |"
        for spec in fields(model)
        if spec.init
    ]


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_hyper_parameter_is_on_the_page(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"`{name}.py` | `{name}`" in page
    for row in rows_of(REGISTRY[name]):
        assert row in page
