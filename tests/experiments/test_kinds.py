"""What a bandit and an interleaving need, refused where it is missing; and the units of a bandit's slice."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from honeyguide.errors import InvalidInput
from honeyguide.experiments.assignment import Trial, assign
from honeyguide.experiments.defining import check_definition
from honeyguide.messages import Arm, Bandit, Definition, Experiment, Guardrail
from tests.experiments.sample import METRICS

TWO = [Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5)]


def faults(**fields: Any) -> list[str]:
    """Where a definition does not fit."""
    given = Definition(**{"name": "exp", "surface": "home", "arms": TWO, "goals": ["ctr"], **fields})
    try:
        check_definition(given, ["home"], METRICS, 0)
    except InvalidInput as error:
        return [each.pointer for each in error.errors]
    return []


@pytest.mark.parametrize("kind", ["ab", "bandit", "interleaving"])
def test_every_kind_is_served(kind: str) -> None:
    assert faults(kind=kind) == []


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"kind": "bandit", "goals": []}, "/goals"),
        ({"kind": "interleaving", "goals": []}, "/goals"),
        ({"kind": "interleaving", "arms": [*(msgspec.structs.replace(arm, weight=0.25) for arm in TWO),
                                           Arm(name="third", weight=0.5)]}, "/arms"),
        ({"kind": "interleaving", "holdout": True}, "/holdout"),
        ({"kind": "bandit", "guardrails": [Guardrail(metric="dislikes")]}, "/guardrails"),
        ({"kind": "interleaving", "guardrails": [Guardrail(metric="dislikes")]}, "/guardrails"),
        ({"kind": "bandit", "sticky": True}, "/sticky"),
        ({"kind": "bandit", "bandit": Bandit(floor=0.5)}, "/bandit/floor"),
        ({"kind": "bandit", "bandit": Bandit(decay=0.0)}, "/bandit/decay"),
        ({"kind": "bandit", "bandit": Bandit(uniform=1.5)}, "/bandit/uniform"),
        ({"kind": "bandit", "bandit": Bandit(every=6.0, window=6.0)}, "/bandit/window"),
        ({"kind": "ab", "bandit": Bandit()}, "/bandit"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_place(fields: dict[str, Any], where: str) -> None:
    assert where in faults(**fields)


GAUSSIAN = Bandit(reward="gaussian")


@pytest.mark.parametrize("kind", ["bandit", "interleaving"])
@pytest.mark.parametrize(
    "goal", ["dislikes", "hours_to_purchase", "degraded", "diversity", "retention_7d", "order_value_p90"]
)
def test_what_is_bad_or_cannot_be_credited_is_no_first_goal(kind: str, goal: str) -> None:
    assert faults(kind=kind, goals=[goal, "ctr"]) == ["/goals/0"]
    assert faults(kind=kind, goals=["ctr", goal]) == faults(kind="ab", goals=[goal]) == []


@pytest.mark.parametrize("goal", ["ctr", "ctr_per_user", "order_value"])
def test_how_much_is_no_reward_where_something_divides(goal: str) -> None:
    assert faults(kind="bandit", goals=[goal], bandit=GAUSSIAN) == ["/goals/0"]
    assert faults(kind="bandit", goals=[goal]) == faults(kind="bandit", goals=["revenue"], bandit=GAUSSIAN) == []


class _Nobody:
    """No condition looks at anything here."""


def arms_of(experiment: Experiment, units: int = 4_000) -> dict[str, tuple[str, str, float]]:
    """The arm, reason and weight of each unit that takes part."""
    trial, world, found = Trial.of(experiment), _Nobody(), {}
    for number in range(units):
        mine = assign(trial, f"u{number}", world, 0)  # type: ignore[arg-type]
        if mine is not None:
            found[mine.unit] = mine.arm, str(mine.reason), mine.weight
    return found


def bandit(**fields: Any) -> Experiment:
    """A running bandit."""
    arms = [Arm(name="control", weight=0.1), Arm(name="varied", weight=0.9)]
    given = {"name": "exp", "surface": "home", "arms": arms, "kind": "bandit", "state": "running", "phase": 1, "seed": "s"}
    return Experiment(**{**given, **fields})


def test_the_slice_is_for_good_and_alike_and_all_others_follow_the_weights() -> None:
    found = arms_of(bandit(bandit=Bandit(uniform=0.25)))
    apart = {unit: arm for unit, (arm, why, _) in found.items() if why == "uniform"}
    assert len(apart) / 4_000 == pytest.approx(0.25, abs=0.03)
    assert list(apart.values()).count("control") / len(apart) == pytest.approx(0.5, abs=0.06)
    assert {weight for _, why, weight in found.values() if why == "uniform"} == {0.5}
    drawn = [arm for arm, why, _ in found.values() if why == "hash"]
    assert drawn.count("control") / len(drawn) == pytest.approx(0.1, abs=0.02)
    later = arms_of(bandit(bandit=Bandit(uniform=0.25), seed="another", period=3))
    assert {unit: arm for unit, (arm, why, _) in later.items() if why == "uniform"} == apart
    both = [unit for unit in found if found[unit][1] == later[unit][1] == "hash"]
    moved = [unit for unit in both if found[unit][0] == "control"]
    assert sum(later[unit][0] == "control" for unit in moved) / len(moved) == pytest.approx(0.1, abs=0.06), "drawn anew"


def test_coverage_holds_for_the_slice_too_and_a_ramp_moves_nobody() -> None:
    found = [arms_of(bandit(coverage=share, bandit=Bandit(uniform=0.2))) for share in (0.1, 0.3, 0.6, 1.0)]
    for share, each in zip((0.1, 0.3, 0.6, 1.0), found, strict=True):
        assert len(each) / 4_000 == pytest.approx(share, abs=0.03)
        assert sum(why == "uniform" for _, why, _ in each.values()) / len(each) == pytest.approx(0.2, abs=0.06)
    for some, more in pairwise(found):
        assert {unit: more.get(unit) for unit in some} == some, "neither into another arm, nor out of the slice or into it"


def test_without_a_slice_all_are_drawn() -> None:
    assert {why for _, why, _ in arms_of(bandit(bandit=Bandit(uniform=0.0))).values()} == {"hash"}
