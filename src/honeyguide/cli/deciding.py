"""`honeyguide experiments create|check|edit|start|ramp|phase|stop|list|show|assign`: what people decide about them."""

import getpass
import sys
import tomllib
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.output import Cell, Json, Out, ago, clean, table
from honeyguide.cli.project import project
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.messages import Experiment
from honeyguide.recommend.decisions import moment_of
from honeyguide.recommend.experiments import Checked, Experiments, read_definition, warnings_of

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The experiment's name.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A definition in TOML or JSON; - reads JSON from stdin.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; kept in its history.")]
UnitArgument = Annotated[str, typer.Argument(metavar="UNIT", help="A user, or a session or device it is on.")]
Coverage = Annotated[float, typer.Argument(metavar="COVERAGE", help="The share of the units that take part: 0.5 is half.")]
Verdict = Annotated[str, typer.Option("--verdict", metavar="TEXT", help="What was decided.")]
SetOption = Annotated[list[str], typer.Option("--set", metavar="FIELD=VALUE", help="A field and its value as JSON.")]


def list_experiments(context: typer.Context, json: Json = False) -> None:
    """All experiments, and how it stands with them."""
    out = Out(json)
    with project(context) as opened:
        found, now = opened.runtime.store.experiments.all(), opened.runtime.clock.now_ms()
    out.result([_plain(each) for each in found])
    rows: list[Sequence[Cell]] = [["experiment", "kind", "surface", "state", "coverage", "arms"]]
    rows += [[each.name, each.kind, each.surface, state(each, now), _percent(each.coverage), _arms(each)] for each in found]
    out.lines(table(rows, right=(4,), width=out.width) if found else [])
    if not found:
        out.note("none", "there are no experiments yet")
        out.hint("honeyguide experiments create FILE")


def show(context: typer.Context, name: NameArgument, json: Json = False) -> None:
    """One experiment, with all that became of it."""
    out = Out(json)
    with project(context) as opened:
        table_of = opened.runtime.store.experiments
        experiment, changes, now = table_of.get(name), table_of.history(name), opened.runtime.clock.now_ms()
    out.result({**_plain(experiment), "warnings": warnings_of(experiment), "history": changes})
    _show(out, Checked(experiment=experiment, warnings=warnings_of(experiment)), now)
    rows: list[Sequence[Cell]] = [["revision", "when", "who", "what", "why"]]
    rows += [
        [str(each.experiment.revision), ago(each.changed_at, now), each.changed_by, each.change, each.why]
        for each in changes
    ]
    out.lines(table(rows, right=(0,), width=out.width))


def create(context: typer.Context, file: File, why: Why = "", json: Json = False) -> None:
    """Keep a definition as a draft; nobody takes part before it is started."""
    given = read_definition(_read(file))
    experiment = _decided(context, json, lambda trials: trials.create(given, by=_me(), why=why))
    Out(json).hint(f"honeyguide experiments start {experiment.name}")


def check(context: typer.Context, file: File, json: Json = False) -> None:
    """Whether a definition fits, by itself and beside the experiments that run; nothing is kept."""
    given = read_definition(_read(file))
    _decided(context, json, lambda trials: trials.check(given))


def edit(context: typer.Context, name: NameArgument, given: SetOption, why: Why = "", json: Json = False) -> None:
    """Change fields of a draft; while it runs: hypothesis, owner, forced and ends_at."""
    fields = _fields(given)
    _decided(context, json, lambda trials: trials.edit(name, fields, by=_me(), why=why))


def start(context: typer.Context, name: NameArgument, why: Why = "", json: Json = False) -> None:
    """Let a draft run; a running server has it within half a second."""
    _decided(context, json, lambda trials: trials.start(name, by=_me(), why=why))


def ramp(context: typer.Context, name: NameArgument, coverage: Coverage, why: Why = "", json: Json = False) -> None:
    """Let more units take part; nobody who does is moved."""
    _decided(context, json, lambda trials: trials.ramp(name, coverage, by=_me(), why=why))


def phase(context: typer.Context, name: NameArgument, given: SetOption, why: Why = "", json: Json = False) -> None:
    """Begin again with other arms, weights or goals; all units are mixed anew (or keep their arms: --set sticky=true)."""
    fields = _fields(given)
    _decided(context, json, lambda trials: trials.new_phase(name, fields, by=_me(), why=why))


def stop(context: typer.Context, name: NameArgument, verdict: Verdict = "", why: Why = "", json: Json = False) -> None:
    """End an experiment; its results stay."""
    _decided(context, json, lambda trials: trials.stop(name, verdict, by=_me(), why=why))


def assign(context: typer.Context, name: NameArgument, unit: UnitArgument, json: Json = False) -> None:
    """Which arm a unit is in, or why it is in none."""
    out = Out(json)
    with project(context) as opened:
        found = opened.run(opened.runtime.experiments.assignment(name, unit))
    out.result(found)
    out.show(found.unit, Text(clean(found.unit_id), style="bold"))
    out.show("arm", Text(found.arm or "none", style="bold" if found.enrolled else ""))
    out.show("because", found.because)
    if found.kept is not None:
        out.show("first met", found.kept)


def _decided(context: typer.Context, json: bool, decide: Any) -> Experiment:
    """What becomes of an experiment by a decision, shown."""
    out = Out(json)
    with project(context) as opened:
        trials: Experiments = opened.runtime.experiments
        work: Coroutine[Any, Any, Checked] = decide(trials)
        found, now = opened.run(work), opened.runtime.clock.now_ms()
    out.result({**_plain(found.experiment), "warnings": found.warnings})
    _show(out, found, now)
    return found.experiment


def _show(out: Out, found: Checked, now: int) -> None:
    experiment = found.experiment
    out.show("experiment", Text(experiment.name, style="bold"))
    out.show("state", state(experiment, now))
    out.show("surface", "all" if experiment.surface == "*" else experiment.surface)
    if experiment.hypothesis:
        out.show("question", experiment.hypothesis)
    for arm in experiment.arms:
        changes = msgspec.json.encode(arm.changes).decode() if arm.changes else "as the surface is"
        out.show("arm", f"{_percent(arm.weight)} {arm.name}: {changes}")
    out.show("who", _who(experiment))
    if experiment.goals or experiment.guardrails:
        guarded = [f"{each.metric} (at most {_percent(each.margin)} worse)" for each in experiment.guardrails]
        out.show("judged by", "; ".join([", ".join(experiment.goals) or "no goal", *guarded]))
    if experiment.verdict:
        out.show("verdict", experiment.verdict)
    for warning in found.warnings:
        out.note("warning", warning, style="yellow")


def state(experiment: Experiment, now: int) -> str:
    """How it stands with an experiment."""
    if experiment.state == "draft":
        return "draft"
    if experiment.state == "stopped":
        return f"stopped {ago(experiment.stopped_at or now, now)}"
    if experiment.starts_at is not None and experiment.starts_at > now:
        return f"phase {experiment.phase}, begins {ago(experiment.starts_at, now)}"
    if experiment.ends_at is not None and experiment.ends_at <= now:
        return f"phase {experiment.phase}, its time is over since {ago(experiment.ends_at, now)}"
    return f"phase {experiment.phase}, runs since {ago(experiment.phase_started_at or now, now)}"


def _who(experiment: Experiment) -> str:
    told = f"{_percent(experiment.coverage)} of the {experiment.unit}s"
    if experiment.layer:
        told += f" in [{experiment.range[0]:g}, {experiment.range[1]:g}] of the layer {experiment.layer}"
    if experiment.targeting:
        told += f", where {experiment.targeting}"
    if experiment.holdout:
        told += f"; those in {experiment.control} are in no other experiment"
    if experiment.forced:
        told += f"; {len(experiment.forced)} forced"
    return told


def _arms(experiment: Experiment) -> str:
    return ", ".join(f"{arm.name} {_percent(arm.weight)}" for arm in experiment.arms)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _plain(experiment: Experiment) -> dict[str, Any]:
    return {name: getattr(experiment, name) for name in experiment.__struct_fields__}


def _read(file: Path) -> dict[str, Any]:
    """The definition in a file. Raises `InvalidInput` for one that cannot be read."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = tomllib.loads(text) if file.suffix == ".toml" else msgspec.json.decode(text)
    except OSError as error:
        raise NotFound(f"The file {file} cannot be read: {error.strerror}.", cure="Name a file in TOML or JSON.") from None
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        cure = "Write TOML into a file that ends in .toml, JSON into any other."
        raise InvalidInput(f"The file {file} cannot be read: {error}.", cure=cure) from None
    return _with_times(found if isinstance(found, dict) else {})


def _fields(given: Sequence[str]) -> dict[str, Any]:
    """Fields of `FIELD=VALUE`; a value that is no JSON is a text."""
    found: dict[str, Any] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign:
            raise typer.BadParameter(f"{each!r} is no FIELD=VALUE, such as coverage=0.5")
        try:
            found[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found[name] = text
    return _with_times(found)


def _with_times(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {each: moment_of(_moment(fields[each]), each) for each in ("starts_at", "ends_at") if each in fields}


def _moment(value: Any) -> Any:
    """TOML has times of its own."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"
