"""What the lists of a surface are made with, as a digest: the same in every process that makes the same lists."""

import hashlib
from collections.abc import Iterable, Mapping

from honeyguide.cache import Epoch
from honeyguide.config.settings import Surface
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.ranked import FORMAT


class Epochs:
    """The epoch of each surface: configuration, form of the list, the versions that serve it, and the rules in force.

    Another version under an alias that a surface does not ask for leaves its lists alone."""

    def __init__(self, surfaces: Mapping[str, Surface], fingerprint: str) -> None:
        self._models = {name: surface.model for name, surface in surfaces.items()}
        self._made_with = f"{fingerprint}\n{FORMAT}"
        self._rules: dict[str, bytes] = {}
        self._epochs = dict.fromkeys(surfaces, Epoch(b""))
        self._lineup = Lineup()
        self.renew(self._lineup)

    def of(self, surface: str) -> Epoch:
        """The epoch of a surface's lists now."""
        return self._epochs.get(surface, _NONE)

    def renew(self, lineup: Lineup) -> None:
        """Other versions serve."""
        self._lineup = lineup
        self._renew(self._models)

    def rule(self, digests: Mapping[str, bytes]) -> None:
        """Other rules are in force on these surfaces."""
        self._rules |= digests
        self._renew(digests)

    def _renew(self, surfaces: Iterable[str]) -> None:
        for surface in surfaces:
            now, before = self.under(surface, self._lineup), self._epochs[surface]
            if now != before.now:
                self._epochs[surface] = Epoch(now, before.now or None)

    def under(self, surface: str, lineup: Lineup) -> bytes:
        """The digest of a surface's lists that these versions make."""
        model = self._models[surface]
        pair = lineup.pair(model)
        companion = pair.popular.label if pair is not None and pair.popular is not None else ""
        rules = self._rules.get(surface, b"").hex()
        text = f"{self._made_with}\n{pair.label if pair is not None else model}\n{companion}\n{rules}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


_NONE = Epoch(b"")
