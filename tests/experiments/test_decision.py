"""Verdicts and their reasons."""

import pytest

from honeyguide.experiments.decision import Decision, Finding, Role, Standing, decide
from honeyguide.experiments.gates import Gate

OK = [Gate("units", "passed", "")]
WAIT = [Gate("days", "waiting", "4 more days")]


def found(standing: Standing, role: Role = "goal", arm: str = "new") -> Finding:
    return Finding("ctr" if role == "goal" else "revenue", role, arm, standing, f"{arm} {role} {standing}")


def verdict(*findings: Finding, gates: list[Gate] = OK, units: float = 100, running: bool = True) -> Decision:
    return decide(findings, gates, units=units, planned=1000, days_left=5.0, running=running)


def test_an_alarm_hides_the_verdict() -> None:
    hidden = verdict(found("better"), gates=[Gate("sample-ratio", "alarm", "broken"), *WAIT])
    assert (hidden.verdict, hidden.reasons) == ("hidden", ["sample-ratio: broken"])


@pytest.mark.parametrize(("guardrail", "says"), [("kept", "ship"), ("open", "keep running"), ("broken", "roll back")])
def test_a_goal_ships_only_with_its_guardrails(guardrail: Standing, says: str) -> None:
    told = verdict(found("better"), found(guardrail, "guardrail"))
    assert told.verdict == says
    assert told.reasons


def test_a_broken_guardrail_does_not_wait_for_the_week_to_end() -> None:
    told = verdict(found("open"), found("broken", "guardrail"), gates=WAIT)
    assert (told.verdict, told.arm, told.reasons) == ("roll back", "new", ["new guardrail broken"])


def test_a_good_number_waits_for_the_week_to_end() -> None:
    told = verdict(found("better"), gates=WAIT)
    assert (told.verdict, told.days_left, told.reasons) == ("keep running", 5.0, ["4 more days"])


def test_worse_is_rolled_back_and_one_good_treatment_is_enough() -> None:
    assert verdict(found("worse")).verdict == "roll back"
    several = verdict(found("worse"), found("better", arm="third"))
    assert (several.verdict, several.arm) == ("ship", "third")
    assert verdict(found("worse"), found("open", arm="third")).verdict == "keep running"
    harmful = verdict(found("open"), found("broken", "guardrail"), found("open", arm="third"))
    assert harmful.verdict == "keep running"


def test_no_difference_is_said_only_at_the_planned_size_or_the_end() -> None:
    assert verdict(found("open")).verdict == "keep running"
    assert verdict(found("open"), units=1000).verdict == "no difference"
    assert verdict(found("open"), running=False).verdict == "no difference"
    assert verdict(found("open"), gates=WAIT, running=False).verdict == "no difference"


def test_without_traffic_nobody_knows_how_long() -> None:
    told = decide([found("open")], OK, units=0, planned=10, days_left=float("inf"), running=True)
    assert (told.verdict, told.days_left) == ("keep running", None)
