"""What every alias serves at one moment. A list, its pages and a batch are made with one of these, never with two."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from honeyguide.protocols import Content, Ranker, Request, ServedModel


@dataclass(frozen=True, slots=True)
class Pair:
    """A version, and the popularity version and likeness by content of the same training run; what one list is made with.

    `rankers` are those that training has made for the version, by surface; `voices` the models that these listen to."""

    model: ServedModel | None
    popular: ServedModel | None
    content: Content | None = None
    rankers: Mapping[str, Ranker] = field(default_factory=dict)
    voices: Mapping[str, ServedModel] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """`ease@7`, `popular@7`, or nothing."""
        served = self.model or self.popular
        return served.label if served else ""


@dataclass(frozen=True, slots=True)
class Lineup:
    """The versions in memory that aliases point at, and popularity while nothing is trained; it never changes.

    `refused`: alias -> why the version that it points at is not the one here. `digest` names what is served, the same in
    every process that serves the same."""

    pairs: Mapping[str, Pair] = field(default_factory=dict)
    baseline: ServedModel | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", _digest(self))

    @property
    def champion(self) -> Pair:
        """What is served where nothing else is asked for."""
        return self.pairs.get("champion", Pair(None, self.baseline))

    def pair(self, name: str) -> Pair | None:
        """What is served under an alias."""
        return self.champion if name == "champion" else self.pairs.get(name)

    def labels(self) -> dict[str, str]:
        """Alias -> label of the version that is served under it."""
        return {alias: pair.label for alias, pair in self.pairs.items()}


def with_ranker(request: Request, pair: Pair) -> Request:
    """The request with the ranker of its surface, where its recipe asks for one, and the models that it listens to."""
    if request.surface.recipe != "ranked":
        return request
    return replace(request, ranker=pair.rankers.get(request.surface.name), voices=pair.voices)


def _digest(lineup: Lineup) -> str:
    served = {**lineup.pairs, "": lineup.champion}
    told = "\n".join(
        f"{alias}={pair.label}+{pair.popular.label if pair.popular else ''}" for alias, pair in sorted(served.items())
    )
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
