"""What serves now, as a training meets it: its model and hyper-parameters are fitted on the same past as the others."""

from collections.abc import Sequence

from honeyguide.errors import ConfigError
from honeyguide.models import REGISTRY, quick, untrained
from honeyguide.protocols import Model
from honeyguide.train.bench import BASELINE
from honeyguide.types import ModelVersion


def twin_of(champion: ModelVersion | None, models: Sequence[Model]) -> list[Model]:
    """An untrained twin of the champion, in a list; none for popularity, for one that is among `models` already, for what
    takes long to fit, and for what this release does not know."""
    if champion is None or champion.model == BASELINE or champion.model not in quick():
        return []
    try:
        twin = untrained(champion.model, champion.manifest.get("params", {}))
    except ConfigError:
        return []
    return [] if any(model.name == twin.name and model.params() == twin.params() for model in models) else [twin]


def not_compared(champion: ModelVersion | None, models: Sequence[Model]) -> tuple[str, ...]:
    """The note that says that what serves takes too long to be fitted again; none where it does not, or was fitted."""
    slow = champion is not None and champion.model in REGISTRY and champion.model not in quick()
    if champion is None or not slow or any(model.name == champion.model for model in models):
        return ()
    return (
        f"{champion.label}, which served until now, takes long to fit and was not compared; name it to train it as well.",
    )


def seconds_of(champion: ModelVersion | None) -> float:
    """About the time that comparing the champion takes, as it took when it was trained; what a search leaves for it."""
    if champion is None or champion.model == BASELINE or champion.model not in quick():
        return 0.0
    return sum(float(champion.metrics.get(name, 0.0)) for name in ("fit_seconds", "evaluate_seconds"))
