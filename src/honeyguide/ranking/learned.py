"""The learned ranker: gradient-boosted trees over the signals of candidates.

LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", 2010) as xgboost's `rank:ndcg` has it. Nothing here trains:
a ranker is a booster that was read from checked bytes, and the signals that it wants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from xgboost import Booster, DMatrix
from xgboost.core import XGBoostError

from honeyguide.errors import DamagedArtefact
from honeyguide.protocols import Ranker, Request
from honeyguide.ranking.signals import Signals
from honeyguide.types import FloatArray, IntArray, Json, Pool

VOICE: Final = "voice:"
"""What the role of a model that a ranker listens to, as a companion of its version, begins with."""
_CURE: Final = "Point the alias at another version (honeyguide models list), or train again: honeyguide train"


@dataclass(frozen=True, slots=True)
class LearnedRanker:
    """A trained ranker; `label` names the version that it is a part of. Pure and safe to ask from several threads."""

    label: str
    signals: Signals
    booster: Booster

    @property
    def names(self) -> tuple[str, ...]:
        """The signals, in the order of `contributions`."""
        return self.signals.names

    @classmethod
    def of(cls, label: str, arrays: Mapping[str, NDArray[Any]], about: Json) -> "LearnedRanker":
        """The ranker from what `parts` gave. Raises `DamagedArtefact` if its trees cannot be read, or want other numbers
        than `about` names."""
        try:
            told = msgspec.convert(about["signals"], Signals)
            booster = Booster({"nthread": 1})
            booster.load_model(bytearray(_ubjson(arrays["trees"].tobytes())))
            booster.set_param({"nthread": 1})
            wanted = tuple(booster.feature_names or ())
        except (XGBoostError, ValueError, TypeError, LookupError) as error:  # msgspec's are ValueErrors
            raise DamagedArtefact(f"The ranker of {label} cannot be read: {_first_line(error)}.", cure=_CURE) from error
        if wanted != told.names:
            missing = sorted({*wanted} ^ {*told.names})
            what = f"they differ in {', '.join(missing[:5])}" if missing else "their order differs"
            raise DamagedArtefact(f"The trees of {label} want other signals than are made now: {what}.", cure=_CURE)
        return cls(label, told, booster)

    def score(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [candidates], from 0 to 1, higher is better: 1 / (1 + exp(-m)) of the trees' sum m, since what comes after
        (boosts, diversity) takes scores to be positive."""
        if not len(pool):
            return np.empty(0, np.float32)
        scores: FloatArray = (1.0 / (1.0 + np.exp(-self.predicted(self.signals.of(request, pool))))).astype(np.float32)
        return scores

    def predicted(self, table: FloatArray) -> FloatArray:
        """The trees' sums, float32 [rows], for signals float32 [rows, names]."""
        scores: FloatArray = self.booster.inplace_predict(table, validate_features=False)
        return scores

    def contributions(self, request: Request, pool: Pool, positions: IntArray) -> FloatArray:
        """float32 [positions, names + 1]: what each signal adds to the trees' sum, and last what all candidates have;
        together they are the sum. Exact for trees (TreeSHAP: Lundberg, Erion, Lee, 2018)."""
        table = self.signals.of(request, pool)[positions]
        told = self.booster.predict(
            DMatrix(table, feature_names=list(self.signals.names), nthread=1), pred_contribs=True, strict_shape=True
        )
        found: FloatArray = told.reshape(len(positions), -1).astype(np.float32)
        return found


def _ubjson(trees: bytes) -> bytes:
    """The bytes, if they begin as an object: xgboost ends the process over no bytes at all."""
    if not trees.startswith(b"{L"):
        raise ValueError("its trees are no UBJSON")
    return trees


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]


def part_of(surface: str) -> str:
    """The name of the part of a version that is the ranker of a surface."""
    return f"ranker-{surface}"


def parts(trees: bytes, signals: Signals) -> tuple[dict[str, NDArray[Any]], Json]:
    """A ranker as arrays and what is to be known about them: its trees as xgboost's UBJSON, which holds numbers, texts and
    lists only, so that reading it runs no code."""
    return {"trees": np.frombuffer(trees, np.uint8)}, {"signals": msgspec.to_builtins(signals)}


def finite(ranker: Ranker, request: Request, pool: Pool) -> FloatArray:
    """What a ranker says of the candidates; raises ValueError where that is no number."""
    scores = ranker.score(request, pool)
    if not np.isfinite(scores).all():
        raise ValueError(f"{ranker.label} gives scores that are no numbers")
    return scores
