"""`honeyguide experiments simulate`: what each engine would say of a difference that is planted."""

from collections.abc import Sequence
from math import isnan
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from honeyguide.cli.output import Cell, Json, Out, table
from honeyguide.experiments.bandit_runs import WAYS, BanditWorld, bandits, judged
from honeyguide.experiments.engines import Rules, Verdicts, chance_error, foretold, mismatched
from honeyguide.experiments.simulation import Runs, World, simulated
from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.power import least_lift
from honeyguide.experiments.statistics.sums import Sums

Kind = Annotated[Literal["ab", "bandit"], typer.Option("--kind", help="An experiment of two arms, or a bandit.")]
Users = Annotated[int, typer.Option("--users", metavar="N", help="Users of all arms together.")]
Days = Annotated[int, typer.Option("--days", metavar="N", help="How long it runs; a bandit has a period a day.")]
Rate = Annotated[
    float, typer.Option("--rate", metavar="SHARE", help="Clicks per item shown, or successes per user and day.")
]
Lift = Annotated[
    list[float] | None,
    typer.Option("--lift", metavar="SHARE", help="What a treatment adds, relatively; 0 is an A/A test. Again for each arm."),
]
Share = Annotated[float, typer.Option("--share", metavar="SHARE", help="The treatment's share of the users.")]
Lost = Annotated[float, typer.Option("--lost", metavar="SHARE", help="Of the treatment's users, those that get lost.")]
Weekend = Annotated[
    float, typer.Option("--weekend", metavar="FACTOR", help="How many times as much they click at weekends.")
]
Looks = Annotated[int, typer.Option("--looks", metavar="N", help="How often the results are looked at in a day.")]
Times = Annotated[int, typer.Option("--runs", metavar="N", min=10, max=100_000, help="How many times it is played.")]
Alpha = Annotated[float, typer.Option("--alpha", metavar="SHARE", min=1e-6, max=0.5, help="The level of the tests.")]
Planned = Annotated[int | None, typer.Option("--planned", metavar="N", help="Users at which always-valid is narrowest.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Settles all that happens.")]


def simulate(
    kind: Kind = "ab", users: Users = 5_000, days: Days = 14, rate: Rate = 0.05, lift: Lift = None, share: Share = 0.5,
    lost: Lost = 0.0, weekend: Weekend = 1.0, looks: Looks = 1, runs: Times = 400, alpha: Alpha = 0.05,
    planned: Planned = None, seed: Seed = 1, json: Json = False,
) -> None:  # fmt: skip
    """Play an experiment with a planted effect many times, and see what each engine would have said.

    With no lift it is an A/A test: whatever is found is a false alarm."""
    lifts, out = lift or [0.0], Out(json)
    if not 1 <= looks <= 100:
        raise typer.BadParameter("--looks: between 1 and 100 times a day")
    try:
        if kind == "bandit":
            _show_bandit(out, BanditWorld(users, days, rate, (0.0, *lifts), weekend=weekend), runs, alpha, seed)
            return
        if len(lifts) != 1:
            raise typer.BadParameter("--lift: an experiment of two arms has one treatment; more are for --kind bandit")
        world = World(users, days, rate, lifts[0], share=share, lost=lost, weekend=weekend)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _show_pair(out, world, Rules(alpha, planned or users), runs, looks * days, seed)


def _show_pair(out: Out, world: World, rules: Rules, times: int, looks: int, seed: int) -> None:
    runs = simulated(world, runs=times, looks=looks, seed=seed)
    found, alarms = foretold(runs, world, rules), mismatched(runs, world.share).any(axis=1).mean()
    control = Estimate.ratio(
        Sums(*(float(each[0, -1, 0]) for each in (runs.units, runs.x, runs.xx, runs.y, runs.yy, runs.xy)))
    )
    units = world.users * (1 - world.share), world.users * world.share
    least = least_lift(control, units, alpha=rules.alpha)
    out.result(
        {
            "lift": world.lift, "runs": times, "looks": looks, "seed": seed, "least_lift": least,
            "mismatch_alarms": float(alarms), "engines": {name: _plain(each) for name, each in found.items()},
        }
    )  # fmt: skip
    what = "false alarms" if world.lift == 0 else "found"
    rows: list[Sequence[Cell]] = [
        ["engine", f"{what} at the end", f"at any of {looks} looks", "held", "always held", "after"]
    ]
    for name, each in found.items():
        cells = [_judged(share, world, rules, times) for share in (each.last, each.ever)]
        held = [_percent(share) for share in (each.held_last, each.held_always)]
        after = "-" if isnan(each.took) else f"day {each.took * world.days:.0f}"
        rows.append([name, *cells, *held, after])
    planted = "no difference (A/A)" if world.lift == 0 else f"{world.lift:+.1%} clicks"
    out.show("planted", f"{planted}, {world.users:,} users in {world.days} days, played {times:,} times")
    out.lines(_table(rows, out))
    out.show("sizes", f"an alarm in {alarms:.1%} of the runs (sample ratio mismatch, p < 0.001 at any look)")
    out.show("power", f"so many users find a lift of {least:.1%} in 80 % of all experiments (one look, delta method)")
    if world.lift == 0:
        out.note("red", f"more than {rules.alpha:.0%} beyond chance: do not look at these as often, or at all", style="red")


def _least(runs: Runs, world: World, rules: Rules) -> float:
    """The smallest lift that so many users find, by how the first run's control varies."""
    sums = (runs.units, runs.x, runs.xx, runs.y, runs.yy, runs.xy)
    control = Estimate.ratio(Sums(*(float(each[0, -1, 0]) for each in sums)))
    units = world.users * (1 - world.share), world.users * world.share
    return least_lift(control, units, alpha=rules.alpha)


def _show_bandit(out: Out, world: BanditWorld, times: int, alpha: float, seed: int) -> None:
    runs = bandits(world, runs=times, seed=seed)
    ways = {way: judged(runs, way) for way in WAYS}
    said = {way: {"at_the_end": each.at_once(alpha), "at_any_look": each.always(alpha)} for way, each in ways.items()}
    weights = runs.weights[:, -1].mean(axis=0)
    missed, even = float(runs.regret.mean()), float(runs.even.mean())
    out.result({"lifts": world.lifts, "weights": weights.tolist(), "missed": missed, "missed_evenly": even, "said": said})
    out.show(
        "planted", f"lifts {', '.join(f'{each:+.0%}' for each in world.lifts)}; {world.users:,} users, {world.periods} days"
    )
    out.show("weights", f"{', '.join(f'{each:.0%}' for each in weights)} in the last period, on average")
    out.show("missed", _missed(missed, even))
    rows: list[Sequence[Cell]] = [["second arm beside the first", "announced at the end", "always-valid, any look"]]
    null = World(lift=0.0) if world.lifts[1] == world.lifts[0] else World(lift=0.1)
    for way, each in said.items():
        rows.append([way, *(_judged(share, null, Rules(alpha, 1), times) for share in each.values())])
    out.lines(_table(rows, out))


def _missed(missed: float, even: float) -> str:
    if not even:
        return "nothing: all arms are alike"
    return f"{missed:,.0f} successes for not always taking the best arm; with equal weights {even:,.0f}"


def _judged(share: float, world: World, rules: Rules, times: int) -> Text:
    """A share; red where it is a rate of false alarms that is too high beyond chance."""
    wrong = world.lift == 0 and share > rules.alpha + 3 * chance_error(rules.alpha, times)
    return Text(f"{share:.1%}", style="red" if wrong else "")


def _percent(share: float) -> str:
    return "-" if isnan(share) else f"{share:.1%}"


def _plain(found: Verdicts) -> dict[str, Any]:
    fields = ((name, getattr(found, name)) for name in Verdicts.__dataclass_fields__)
    return {name: None if isnan(value) else value for name, value in fields}


def _table(rows: Sequence[Sequence[Cell]], out: Out) -> list[Text]:
    """The rows with the columns of numbers on the right."""
    return table(rows, right=tuple(range(1, len(rows[0]))), width=out.width)
