"""What the lists of a surface are made with, as a digest: the same in every process that makes the same lists."""

import hashlib
from collections.abc import Iterable, Mapping

from honeyguide.cache import Epoch
from honeyguide.config.settings import Surface
from honeyguide.messages import Place
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.ranked import FORMAT


class Epochs:
    """The epoch of each surface: configuration, form of the list, the versions that serve it, and the rules in force.

    Another version under an alias that a surface does not ask for leaves its lists alone."""

    def __init__(self, surfaces: Mapping[str, Surface], fingerprint: str) -> None:
        self._models: dict[Place, str] = {name: surface.model for name, surface in surfaces.items()}
        self._made_with = f"{fingerprint}\n{FORMAT}"
        self._rules: dict[Place, bytes] = {}
        self._epochs: dict[Place, Epoch] = dict.fromkeys(surfaces, Epoch(b""))
        self._lineup = Lineup()
        self.renew(self._lineup)

    def of(self, place: Place) -> Epoch:
        """The epoch of the lists of a surface, or of an arm's, now."""
        return self._epochs.get(place, _NONE)

    def open(self, place: Place, surface: Surface, switches: Mapping[str, bool]) -> None:
        """There is a place more."""
        self._models[place], self._epochs[place] = surface.model, _NONE
        self._renew([place])

    def renew(self, lineup: Lineup) -> None:
        """Other versions serve."""
        self._lineup = lineup
        self._renew(self._models)

    def rule(self, digests: Mapping[Place, bytes]) -> None:
        """Other rules are in force on these surfaces."""
        self._rules |= digests
        self._renew(digests)

    def _renew(self, places: Iterable[Place]) -> None:
        for place in places:
            now, before = self.under(place, self._lineup), self._epochs[place]
            if now != before.now:
                self._epochs[place] = Epoch(now, before.now or None)

    def under(self, place: Place, lineup: Lineup) -> bytes:
        """The digest of the lists of a place that these versions make."""
        model = self._models[place]
        pair = lineup.pair(model)
        companion = pair.popular.label if pair is not None and pair.popular is not None else ""
        rules = self._rules.get(place, b"").hex()
        text = f"{self._made_with}\n{pair.label if pair is not None else model}\n{companion}\n{rules}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


_NONE = Epoch(b"")
