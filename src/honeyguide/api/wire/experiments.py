"""Experiments on the wire."""

from typing import Any, Self

import msgspec

from honeyguide.api.wire.base import In, Moment, iso
from honeyguide.messages import Arm, Definition, Experiment, Timestamp
from honeyguide.protocols.experiments import ExperimentChange
from honeyguide.recommend.decisions import moment_of
from honeyguide.recommend.experiments import OF_A_PHASE
from honeyguide.types import Json

_TIMES = ("starts_at", "ends_at")


class ExperimentParams(In):
    """One experiment by its name."""

    experiment: str


class UnitParams(In):
    """One unit of an experiment: a user, or the session or device that the experiment is on."""

    experiment: str
    user_id: str


class Signed(In):
    """Who changes an experiment, and why; both are in its history."""

    by: str = "api"
    why: str = ""


class RampIn(Signed, kw_only=True):
    """The share of the units that take part from now on."""

    coverage: float


class StopIn(Signed, kw_only=True):
    """What was decided."""

    verdict: str = ""


def _fields(names: tuple[str, ...]) -> list[tuple[str, Any, Any]]:
    """Fields of a definition that may be left out, times as callers write them."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(Definition)}
    kinds |= dict.fromkeys(_TIMES, Timestamp | None)
    return [(name, kinds[name] | msgspec.UnsetType, msgspec.UNSET) for name in names]


_REQUIRED = ("name", "surface", "arms")
_NAMES = Definition.__struct_fields__

ExperimentIn: Any = msgspec.defstruct(
    "ExperimentIn",
    [
        ("name", str),
        ("surface", str),
        ("arms", list[Arm]),
        *_fields(tuple(name for name in _NAMES if name not in _REQUIRED)),
    ],
    bases=(Signed,),
    namespace={"__doc__": Definition.__doc__},
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
)
ExperimentPatch: Any = msgspec.defstruct(
    "ExperimentPatch",
    _fields(tuple(name for name in _NAMES if name != "name")),
    bases=(Signed,),
    namespace={
        "__doc__": "What to change of a draft; of an experiment that runs: hypothesis, owner, forced, watched, ends_at."
    },
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
)
PhaseIn: Any = msgspec.defstruct(
    "PhaseIn",
    _fields(OF_A_PHASE),
    bases=(Signed,),
    namespace={"__doc__": "What is other in the new phase; without a `seed` it gets one of its own."},
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
)


def given(body: Signed) -> Json:
    """The fields that a body sets, times as ms. Raises `InvalidInput` for a time that is none."""
    fields: Json = msgspec.to_builtins(body)
    for each in ("by", "why"):
        fields.pop(each, None)
    return fields | {each: moment_of(fields[each], each) for each in _TIMES if each in fields}


def _going_out() -> list[tuple[str, Any]]:
    """All fields of an experiment, times as they go out."""
    kinds = [(field.name, field.type) for field in msgspec.structs.fields(Experiment)]
    return [(name, Moment | None if name.endswith("_at") else kind) for name, kind in kinds]


ExperimentOut: Any = msgspec.defstruct(
    "ExperimentOut",
    [*_going_out(), ("warnings", list[str])],
    namespace={"__doc__": "An experiment as it is kept. `warnings` say what may not be meant so."},
    kw_only=True,
)


def out(experiment: Experiment, warnings: list[str]) -> Any:
    """The experiment as it goes out."""
    fields = {name: getattr(experiment, name) for name in Experiment.__struct_fields__}
    for name in [name for name in fields if name.endswith("_at")]:
        fields[name] = iso(fields[name]) if fields[name] else None
    return ExperimentOut(**fields, warnings=warnings)


class ExperimentPage(msgspec.Struct):
    """All experiments, by name."""

    items: list[ExperimentOut]
    next_cursor: str | None = None


class ExperimentChangeOut(msgspec.Struct, kw_only=True):
    """One change: what, by whom, when and why, and what the experiment was after it."""

    change: str
    changed_at: Moment
    changed_by: str
    why: str
    experiment: ExperimentOut

    @classmethod
    def of(cls, change: ExperimentChange) -> Self:
        """The change as it goes out."""
        experiment = out(change.experiment, [])
        return cls(
            change=change.change,
            changed_at=iso(change.changed_at),
            changed_by=change.changed_by,
            why=change.why,
            experiment=experiment,
        )


class ExperimentHistory(msgspec.Struct):
    """What became of an experiment, latest first."""

    items: list[ExperimentChangeOut]
    next_cursor: str | None = None
