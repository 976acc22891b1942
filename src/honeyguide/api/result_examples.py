"""Examples of results in the OpenAPI document."""

from typing import Any, Final

Json = dict[str, Any]

_LIFT: Final[Json] = {
    "difference": 0.011, "low": 0.0044, "high": 0.0176, "lift": 0.11, "lift_low": 0.043, "lift_high": 0.18
}  # fmt: skip
_POINT: Final[Json] = {"metric": "ctr", "arm": "varied", "at": "2024-10-17", "units": 24_000, **_LIFT}
_SIZES: Final = (
    "The arms have the sizes that were asked for: control 12,000 (expected 12,000), varied 12,000 (expected 12,000)."
)
_WHY: Final = ["varied: ctr moves +11.0% (+4.3% to +18.0%): better."]

RESULTS: Final[Json] = {
    "experiment": "more-variety", "phase": 1, "state": "running", "as_of": 1_729_209_600_000, "arms": ["control", "varied"],
    "units": {"control": 12_000, "varied": 12_000}, "planned": 20_000, "days": 14.0, "per_day": 1714.3, "hidden": False,
    "decision": {"verdict": "ship", "reasons": _WHY, "arm": "varied", "days_left": None},
    "gates": [{"name": "sample-ratio", "state": "passed", "detail": _SIZES, "p": 1.0}],
    "metrics": [{
        "metric": "ctr", "role": "goal", "arm": "varied", "units": 12_000, "control": 0.1004, "value": 0.1114, **_LIFT,
        "p": 0.0001, "p_adjusted": 0.0001, "level": 0.05, "engine": "always-valid", "at_once": 0.000001, "chance": 0.9999,
        "loss_of_shipping": 0.0, "loss_of_keeping": 0.011, "shrunk": 0.109, "standing": "better", "adjusted": "",
        "least": 0.06,
    }],
    "daily": [_POINT],
    "segments": [{**_POINT, "at": "country=pt"}],
    "ages": [{**_POINT, "at": "day 1"}],
    "stratified": [{**_POINT, "at": "country"}],
}  # fmt: skip

SIZE: Final[Json] = {
    "control": 48_364, "treatment": 48_364, "total": 96_728, "lift": 0.08, "comparisons": 1, "days": 25
}  # fmt: skip

STANDING: Final[Json] = {
    "experiment": "rankers",
    "kind": "interleaving",
    "bandit": None,
    "interleaving": {
        "experiment": "rankers", "phase": 1, "first": "control", "second": "varied", "users": 812, "prefer_first": 201,
        "prefer_second": 297, "neither": 314, "delta": 0.0591, "low": 0.0103, "high": 0.1079, "p": 0.0041,
        "at_once_low": 0.032, "at_once_high": 0.0862, "at_once": 1.9e-05, "preferred": "varied",
    },
}  # fmt: skip
