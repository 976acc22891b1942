"""`honeyguide experiments results` and `sample-size`: what an experiment shows, and how large one must be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.output import Cell, Json, Out, clean, table
from honeyguide.cli.project import project
from honeyguide.experiments.bandit_results import ArmFound, BanditResults
from honeyguide.experiments.design import SizeIn, sized
from honeyguide.experiments.page import number, page, share
from honeyguide.experiments.plan import Point, Results

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The experiment's name.")]
Phase = Annotated[int | None, typer.Option("--phase", metavar="N", help="An earlier phase; else the present one.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page for a browser, too.")]
Base = Annotated[float, typer.Option("--base", metavar="NUMBER", help="The control's value per unit, such as 0.05.")]
Lift = Annotated[float | None, typer.Option("--lift", metavar="SHARE", help="The relative lift to find, such as 0.08.")]
Units = Annotated[float | None, typer.Option("--units", metavar="N", help="Instead: the units of all arms that there are.")]
Deviation = Annotated[float | None, typer.Option("--deviation", metavar="NUMBER", help="Of a mean: its deviation per unit.")]
Split = Annotated[float, typer.Option("--split", metavar="NUMBER", help="Units of each treatment per one of the control.")]
Arms = Annotated[int, typer.Option("--arms", metavar="N", help="Arms, with the control.")]
MetricCount = Annotated[int, typer.Option("--metrics", metavar="N", help="Goals that are decided by.")]
Alpha = Annotated[float, typer.Option("--alpha", metavar="SHARE", help="False alarms that are borne.")]
Power = Annotated[float, typer.Option("--power", metavar="SHARE", help="Chance to find the lift if it is there.")]
Correlation = Annotated[float, typer.Option("--correlation", metavar="NUMBER", help="Of the metric with its past (CUPED).")]
PerDay = Annotated[float | None, typer.Option("--per-day", metavar="N", help="Units that come in a day.")]

_STYLES = {"better": "green", "kept": "green", "worse": "red", "broken": "red", "open": ""}
_VERDICTS = {"ship": "bold green", "roll back": "bold red", "keep running": "bold yellow", "hidden": "bold red"}
_GATES = {"passed": ("✓", "green"), "waiting": ("…", "yellow"), "warning": ("!", "yellow"), "alarm": ("✕", "red")}
_SEGMENTS = 12


def results(context: typer.Context, name: NameArgument, phase: Phase = None, html: Html = None, json: Json = False) -> None:
    """What an experiment shows: its health, every metric, and what to do."""
    out = Out(json)
    with project(context) as opened:
        opened.run(opened.runtime.exposures.refresh())
        experiment = opened.runtime.store.experiments.get(name)
        if experiment.kind != "ab" and html is None and phase is None:
            _show_other(out, opened.runtime.other_results.of(name))
            return
        found, about = opened.runtime.judging.results(name, phase), experiment.hypothesis
    out.result(found)
    if html is not None:
        html.write_text(page(found, about=about), encoding="utf-8")
        out.note("written", str(html))
    _show(out, found)


def sample_size(
    base: Base, lift: Lift = None, units: Units = None, deviation: Deviation = None, split: Split = 1.0, arms: Arms = 2,
    metrics: MetricCount = 1, alpha: Alpha = 0.05, power: Power = 0.8, correlation: Correlation = 0.0,
    per_day: PerDay = None, json: Json = False,
) -> None:  # fmt: skip
    """How many units an experiment needs for a lift, or which lift so many units find. With --deviation of a mean or ratio,
    else of a proportion."""
    asked = SizeIn(
        base=base, kind="proportion" if deviation is None else "mean", deviation=deviation, lift=lift, units=units,
        split=split, arms=arms, metrics=metrics, alpha=alpha, power=power, correlation=correlation, per_day=per_day,
    )  # fmt: skip
    found, out = sized(asked), Out(json)
    out.result(found)
    out.show("units", Text(f"{found.total:,}", style="bold"))
    out.show("control", f"{found.control:,}")
    out.show("treatment", f"{found.treatment:,}" + (f" in each of {arms - 1}" if arms > 2 else ""))
    out.show("finds", f"a lift of {share(found.lift)} with a power of {power:.0%}" if found.lift else "no lift at all")
    if found.comparisons > 1:
        out.show("alpha", f"{alpha:g} shared by {found.comparisons} comparisons")
    if found.days is not None:
        weeks = -(-found.days // 7)
        out.show("days", f"{found.days:,}: run {weeks:,} whole week{'s' * (weeks > 1)}")


def _show(out: Out, found: Results) -> None:
    units = ", ".join(f"{clean(arm)} {count:,.0f}" for arm, count in found.units.items())
    out.show("name", Text(f"{clean(found.experiment)}, phase {found.phase}, {found.state}", style="bold"))
    out.show("units", f"{units}; planned {found.planned:,}")
    out.show("time", f"{found.days:.1f} days, {found.per_day:,.0f} units a day")
    out.lines([Text()])
    for gate in found.gates:
        mark, style = _GATES[gate.state]
        out.show(mark, Text.assemble((f"{gate.name:<13}", style), clean(gate.detail)), accent=style)
    out.lines([Text()])
    if found.hidden:
        out.show("!", "an alarm hides the verdict; the numbers are for finding out why", style="red")
    out.lines(_metrics(found, out.width))
    _points(out, "segments", found.segments[:_SEGMENTS])
    _points(out, "since exposed", found.ages)
    out.lines([Text()])
    _verdict(out, found)


def _show_other(out: Out, found: msgspec.Struct) -> None:
    """Results of a bandit or an interleaving, a line for each thing that is known."""
    out.result(found)
    arms = found.arms if isinstance(found, BanditResults) else []
    for name, value in msgspec.structs.asdict(found).items():
        if value is arms:
            continue
        told = msgspec.to_builtins(value)
        out.show(name.replace("_", " "), clean("–" if told is None else f"{told:.4g}" if isinstance(told, float) else told))

    if arms:
        out.lines([Text(), *_bandit_arms(arms, out.width)])


def _bandit_arms(arms: Sequence[ArmFound], width: int) -> list[Text]:
    """How far each arm is above the control: by period, and below that in the uniform slice."""
    rows: list[Sequence[Cell]] = [["arm", "weight", "best", "units", "mean", "above", "interval"]]
    apart: list[Sequence[Cell]] = [["in the slice", "units", "above", "interval"]]
    for each in arms:
        best = "–" if each.best is None else f"{each.best:.1%}"
        above, interval = number(each.difference), _between(each.low, each.high)
        rows.append([each.arm, f"{each.weight:.1%}", best, f"{each.units:,.0f}", number(each.mean), above, interval])
        in_slice = number(each.slice_difference), _between(each.slice_low, each.slice_high)
        apart.append([each.arm, f"{each.slice_units:,.0f}", *in_slice])
    return [*table(rows, right=(1, 2, 3, 4, 5), width=width), Text(), *table(apart, right=(1, 2), width=width)]


def _between(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{number(low)} to {number(high)}"


def _metrics(found: Results, width: int) -> list[Text]:
    rows: list[Sequence[Cell]] = [["metric", "role", "arm", "control", "value", "lift", "interval", "p", "chance", ""]]
    for each in found.metrics:
        standing = Text("" if found.hidden else each.standing, style=_STYLES[each.standing])
        chance = "–" if each.chance is None else f"{each.chance:.1%}"
        p = "–" if each.p_adjusted is None else "< 0.001" if each.p_adjusted < 0.001 else f"{each.p_adjusted:.3f}"
        interval = f"{share(each.lift_low)} to {share(each.lift_high)}"
        rows.append([
            each.metric, each.role, each.arm, number(each.control), number(each.value),
            Text(share(each.lift), style="bold"), interval, p, chance, standing,
        ])  # fmt: skip
    return table(rows, right=(3, 4, 5, 7, 8), width=width)


def _points(out: Out, title: str, points: Sequence[Point]) -> None:
    if not points:
        return
    rows: list[Sequence[Cell]] = [["metric", title, "arm", "units", "lift", "interval"]]
    for each in points:
        interval = f"{share(each.lift_low)} to {share(each.lift_high)}"
        rows.append([each.metric, each.at, each.arm, f"{each.units:,.0f}", share(each.lift), interval])
    out.lines([Text(), *table(rows, right=(3, 4), width=out.width)])


def _verdict(out: Out, found: Results) -> None:
    decision = found.decision
    arm = f" {clean(decision.arm)}" if decision.arm and decision.verdict == "ship" else ""
    out.show("verdict", Text(f"{decision.verdict}{arm}", style=_VERDICTS.get(decision.verdict, "bold")))
    for reason in decision.reasons:
        out.show("", clean(reason))
    if decision.days_left is not None:
        out.show("left", f"about {decision.days_left:.0f} days")
