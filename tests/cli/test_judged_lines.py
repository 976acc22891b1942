"""How results stand in a terminal."""

from typing import Any

import numpy as np
import pytest

from honeyguide.cli.judged import _show, _show_other
from honeyguide.cli.output import Out
from honeyguide.experiments.bandit_results import ArmFound, BanditResults
from honeyguide.experiments.decision import Decision
from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.experiments.plan import Results
from honeyguide.experiments.results import analyse
from tests.experiments.sample import METRICS, START, plan, rows_of, units_of

AS_OF = START + 7 * DAY_MS


def results(of: Any, names: int = 2, **changes: Any) -> Results:
    chance = np.random.default_rng(4)
    asked = plan(goals=("clicks",), guardrails={"dislikes": 0.5}, **changes)
    x = {"clicks": chance.poisson(np.where(np.asarray(of) == 1, 3.0, 2.0)), "dislikes": chance.poisson(1.0, len(of))}
    rows = rows_of(units_of(of, names=names), [METRICS[each] for each in asked.metrics], x, as_of=AS_OF)
    return analyse(asked, METRICS, rows, as_of=AS_OF)


def shown(found: Results, capsys: pytest.CaptureFixture[str]) -> str:
    _show(Out(), found)
    return capsys.readouterr().out


def test_everything_stands_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(results(np.arange(4000) % 2), capsys)
    assert "e, phase 1, running" in text
    assert "control 2,000, new 2,000; planned 10,000" in text
    lines = text.splitlines()
    head = next(line for line in lines if "interval" in line)
    row = next(line for line in lines if line.strip().startswith("clicks"))
    assert row.index("new") == head.index("arm")
    assert row.rstrip().endswith("better")
    assert "verdict   ship new" in text


def test_a_hidden_verdict_is_not_told_and_the_numbers_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(results([0] * 1500 + [1] * 2500), capsys)
    assert "verdict   hidden" in text
    assert "an alarm hides the verdict" in text
    assert "better" not in text
    assert "+5" in next(line for line in text.splitlines() if line.strip().startswith("clicks"))


def test_nobody_yet(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(results([]), capsys)
    assert "Nobody has been exposed yet." in text
    assert "verdict   keep running" in text
    assert "left" not in text.split("verdict")[1]


def test_several_treatments_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    arms = np.arange(6000) % 3
    found = results(arms, names=3, arms=("control", "new", "third"), weights=(1 / 3, 1 / 3, 1 / 3))
    lines = [line.split() for line in shown(found, capsys).splitlines() if line.strip().startswith(("clicks", "dislikes"))]
    assert [(line[0], line[2]) for line in lines] == [
        ("clicks", "new"),
        ("clicks", "third"),
        ("dislikes", "new"),
        ("dislikes", "third"),
    ]


def test_other_results_are_told_field_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    _show_other(Out(), Decision("ship", ["because"], "new\x1b[31m", days_left=1.23456))
    text = capsys.readouterr().out
    assert "days left 1.235" in text
    assert "\x1b[31m" not in text


def test_the_arms_of_a_bandit_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    control = ArmFound("control", 0.2, 1_000, 0.1, 0.05, None, None, None, 100, None, None, None)
    varied = ArmFound("varied", 0.8, 4_000, 0.9, 0.06, 0.01, -0.002, 0.022, 101, 0.0123456, -0.1, 0.12)
    _show_other(Out(), BanditResults("mix", 1, 3, [control, varied], None, False))
    text = capsys.readouterr().out
    assert "{" not in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith(("control", "varied"))]
    assert [" ".join(row) for row in rows] == [
        "control 20.0% 10.0% 1,000 0.05 – –",
        "varied 80.0% 90.0% 4,000 0.06 0.01 -0.002 to 0.022",
        "control 100 – –",
        "varied 101 0.01235 -0.1 to 0.12",
    ]
