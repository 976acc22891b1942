"""Trains in a process of its own, so that serving keeps its cores and memory, and a crash of one is none of the other."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Collection, Sequence

from honeyguide.config.settings import Training as TrainingSettings
from honeyguide.config.values import format_duration
from honeyguide.errors import FieldError, InvalidInput
from honeyguide.jobs.queue import JobFailed, Tell
from honeyguide.types import Job, Json

_LONGEST_LINE = 500
_PATIENCE = 5.0


class Training:
    """The job kind `train`.

    `command` is the command line that trains, without budget and models' names; it prints progress lines
    `{"progress": 0.4, "stage": "..."}` on stderr and its report as JSON on stdout."""

    alone = True
    final = False
    again = False  # what ended it once, such as too little memory, would end it again

    def __init__(self, command: Sequence[str], models: Collection[str]) -> None:
        self.command, self._models = tuple(command), frozenset(models)

    def check(self, params: Json) -> None:
        """Only models that there are, and a budget that may be configured too."""
        models = params.get("models", [])
        if not isinstance(models, list) or not self._models.issuperset(map(str, models)):
            known = ", ".join(sorted(self._models))
            cure = f"Known: {known}. Leave it out for the usual ones."
            raise InvalidInput("'models' must be a list of model names.", cure=cure)
        _options(params)

    async def run(self, job: Job, tell: Tell) -> Json:
        """The report of the training."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                *_options(job.params),
                *job.params.get("models", []),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise JobFailed(f"The training process did not start: {error}") from error
        try:
            output, last_line = await asyncio.gather(_read_all(process), _follow(process, tell))
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        report = _json_object(output)
        if code != 0:
            told = report.get("error")
            raise JobFailed(str(told.get("detail")) if isinstance(told, dict) else last_line or _ended(code), report)
        return report


def train_command(config_options: Sequence[str]) -> list[str]:
    """The command line of a training on the same project."""
    return [sys.executable, "-m", "honeyguide", *config_options, "train", "--json", "--progress", "json"]


def _options(params: Json) -> list[str]:
    """The options of the command line that say what was asked for. Raises `InvalidInput`."""
    if "budget" not in params:
        return []
    try:
        seconds = TrainingSettings(budget=params["budget"]).budget
    except ValueError:
        detail = f"{params['budget']!r} is no time from 0 to 7 days; write a number with s, m, h or d, such as 10m."
        raise InvalidInput("The job cannot be started.", errors=[FieldError("/budget", detail)]) from None
    return ["--budget", format_duration(seconds)]


async def _follow(process: asyncio.subprocess.Process, tell: Tell) -> str:
    """Tell of progress; the last line that is none is the result."""
    last = ""
    assert process.stderr is not None
    async for raw in process.stderr:
        line = raw.decode(errors="replace").strip()
        progress = _json_object(line.encode())
        if isinstance(progress.get("progress"), int | float):
            tell(float(progress["progress"]), str(progress.get("stage", "")))
        elif line:
            last = line[:_LONGEST_LINE]
    return last


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _PATIENCE)
        except TimeoutError:
            process.kill()
    await process.wait()


def _ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "The training process was killed; most often for want of memory."
    return f"The training process ended with code {code}."


async def _read_all(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await process.stdout.read()


def _json_object(text: bytes) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
