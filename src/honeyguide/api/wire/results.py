"""Results of experiments on the wire."""

from honeyguide.api.wire.base import In


class ResultParams(In):
    """An experiment by its name, and an earlier phase of it."""

    experiment: str
    phase: int | None = None
