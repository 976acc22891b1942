"""How commands reach the data: through the library, on the configuration of this call."""

import contextlib
from collections.abc import Iterator

import typer

from honeyguide.cli.opening import configuration, require_data
from honeyguide.library import Honeyguide


@contextlib.contextmanager
def project(context: typer.Context, *, create: bool = False) -> Iterator[Honeyguide]:
    """The project of this call. Without `create` it must hold data already: reading makes no folders."""
    loaded = configuration(context)
    if not create:
        require_data(loaded)
    with Honeyguide.open(loaded.settings) as opened:
        yield opened
