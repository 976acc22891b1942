"""What to do, with the reasons: ship, roll back, keep running, or no difference."""

from collections.abc import Iterator, Sequence
from math import inf, isfinite
from typing import Literal

import msgspec

from honeyguide.experiments.gates import Gate

Verdict = Literal["ship", "roll back", "keep running", "no difference", "hidden"]
Role = Literal["goal", "guardrail", "watched"]
Standing = Literal["better", "worse", "open", "kept", "broken"]
"""Of a goal: better, worse or open; of a guardrail: kept, broken or open."""


class Finding(msgspec.Struct, frozen=True):
    """How a treatment stands in one metric."""

    metric: str
    role: Role
    arm: str
    standing: Standing
    told: str


class Decision(msgspec.Struct, frozen=True):
    """The verdict and why; `arm` is the treatment that it is about, `days_left` an estimate (None: nobody knows).

    `hidden` stands for a verdict that an alarm of a gate keeps back."""

    verdict: Verdict
    reasons: list[str]
    arm: str = ""
    days_left: float | None = None


def decide(
    findings: Sequence[Finding], gates: Sequence[Gate], *, units: float, planned: float, days_left: float, running: bool
) -> Decision:
    """The verdict. `days_left` are those until `planned` units and the least time; infinite without traffic."""
    alarms = [gate for gate in gates if gate.state == "alarm"]
    if alarms:
        return Decision("hidden", [f"{gate.name}: {gate.detail}" for gate in alarms])
    left = days_left if isfinite(days_left) else None
    broken = [each for each in findings if each.standing == "broken"]
    waiting = [gate for gate in gates if gate.state == "waiting"]
    goals = [each for each in findings if each.role == "goal"]
    arms = list(dict.fromkeys(each.arm for each in findings))
    healthy = [arm for arm in arms if arm not in {each.arm for each in broken}]
    if broken and not healthy:
        return Decision("roll back", [each.told for each in broken], broken[0].arm)
    if waiting and running:
        reasons = [gate.detail for gate in waiting] + [each.told for each in broken]
        return Decision("keep running", reasons, days_left=left)
    best = next((arm for arm in healthy if _wins(arm, findings)), None)
    if best is not None:
        return Decision("ship", [each.told for each in findings if each.arm == best and each.role != "watched"], best)
    worse = [each for each in goals if each.standing == "worse"]
    if worse and {each.arm for each in worse} >= set(healthy):
        return Decision("roll back", [each.told for each in (*worse, *broken)], worse[0].arm)
    if units >= planned or not running:
        return Decision("no difference", list(_undecided(findings, units, planned)))
    return Decision("keep running", list(_undecided(findings, units, planned)), days_left=left)


def _wins(arm: str, findings: Sequence[Finding]) -> bool:
    """A goal is better, none is worse, and every guardrail is known to hold."""
    own = [each for each in findings if each.arm == arm]
    goals = {each.standing for each in own if each.role == "goal"}
    guarded = all(each.standing == "kept" for each in own if each.role == "guardrail")
    return "better" in goals and "worse" not in goals and guarded


def _undecided(findings: Sequence[Finding], units: float, planned: float) -> Iterator[str]:
    yield f"{units:,.0f} of the planned {planned:,.0f} units."
    yield from (each.told for each in findings if each.role != "watched")


def soonest(*days: float) -> float:
    """The latest of the days that all have to pass; infinite where one of them is not known."""
    return max(days, default=inf)
