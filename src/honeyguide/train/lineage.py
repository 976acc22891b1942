"""Where a version comes from: the data, configuration, code and versions that it was made of."""

from typing import Final

import msgspec

from honeyguide.types import Json, ModelVersion

_WARM: Final = "last search"


class Lineage(msgspec.Struct, kw_only=True):
    """What a version was made of; None and empty where it was published by a release that did not note it.

    `through` is the log position of its data, `first` and `last` the moments (ms) of its earliest and latest event;
    `config` the fingerprint of the configuration, as slates carry it; `release` that of the code; `parent` what served when
    it was trained, `warm_start` whether its hyper-parameters come from a search before; `companions` are served with it.
    `rankers`: surface -> where the rows came from that its ranker was fitted on (`slates` or `history`, how many lists).
    `gain` is the paired gain over popularity per user: mean, low and high (95 %) of the metric `gain_metric`."""

    through: int
    first: int | None = None
    last: int | None = None
    interactions: int | None = None
    users: int | None = None
    items: int | None = None
    config: str = ""
    release: str = ""
    seed: int | None = None
    params: Json = msgspec.field(default_factory=dict)
    parent: str = ""
    warm_start: bool = False
    companions: dict[str, str] = msgspec.field(default_factory=dict)
    rankers: dict[str, Json] = msgspec.field(default_factory=dict)
    gain: tuple[float, float, float] | None = None
    gain_metric: str = ""


def lineage_of(version: ModelVersion) -> Lineage:
    """The lineage of a version, from its manifest."""
    told, window = version.manifest, version.manifest.get("window", [None, None])
    gain, chosen = told.get("gain", {}), (told.get("search") or {}).get("chosen", {})
    return Lineage(
        through=version.trained_through,
        first=window[0],
        last=window[1],
        interactions=told.get("interactions"),
        users=told.get("users"),
        items=told.get("items"),
        config=told.get("config", ""),
        release=told.get("release", ""),
        seed=told.get("seed"),
        params=told.get("params", {}),
        parent=told.get("parent", ""),
        warm_start=chosen.get("model") == version.model and chosen.get("origin") == _WARM,
        companions=told.get("companions", {}),
        rankers={surface: about["rows"] for surface, about in told.get("rankers", {}).items() if "rows" in about},
        gain=tuple(gain["interval"]) if gain else None,
        gain_metric=gain.get("metric", ""),
    )
