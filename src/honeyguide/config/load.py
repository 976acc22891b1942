"""Settings from flags, the environment, files of secrets and one TOML file, in that order, over the defaults.

Nothing is guessed and nothing is dropped: an unknown key or variable is an error, and all errors are told at once.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from honeyguide.config.check import cross_check
from honeyguide.config.environment import CONFIG_VARIABLE, apply_environment
from honeyguide.config.faults import switch_faults, validation_faults
from honeyguide.config.given import Fault, Given, leaves
from honeyguide.config.positions import KeyPath, key_lines
from honeyguide.config.settings import Settings
from honeyguide.config.table import ANY, find_row, nearest, rows
from honeyguide.errors import ConfigError, FieldError

CONFIG_FILE = "honeyguide.toml"
FLAG = "flag"
DEFAULT = "default"

_DATA_DIR = ("project", "data_dir")


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The settings, where each comes from (dotted key -> default, file:line, variable or flag), and the file."""

    settings: Settings
    sources: dict[str, str]
    path: Path | None


def load(
    path: Path | None = None, *, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None
) -> LoadedConfig:
    """Read the configuration.

    The file is `path`, else the one that HONEYGUIDE_CONFIG names, else honeyguide.toml in the current folder, else none.
    `overrides` are flags: dotted key -> value. Raises `ConfigError` with every fault that was found.
    """
    faults: list[Fault] = []
    file = _find(path, environ, faults)
    given = _read(file, faults) if file else Given()
    folder = file.parent if file else Path()
    if isinstance(relative := given.get(_DATA_DIR), str):
        given.values["project"]["data_dir"] = str(folder / Path(relative).expanduser())
    faults += apply_environment(given, environ)
    faults += _apply_flags(given, overrides or {})
    settings = _validate(given, faults)
    if faults or settings is None:
        raise _error(faults)
    return LoadedConfig(_settle(settings, given, folder), _sources(settings, given), file)


def located(faults: list[Fault], sources: Mapping[str, str]) -> list[Fault]:
    """`faults` of a loaded configuration with the origins that `sources` knows."""
    return [Fault(fault.path, fault.problem, fault.origin or _origin(fault.path, sources)) for fault in faults]


def _origin(path: KeyPath, sources: Mapping[str, str]) -> str:
    for end in range(len(path), 0, -1):
        key = ".".join(str(part) for part in path[:end])
        found = next((at for name, at in sources.items() if name == key or name.startswith(f"{key}.")), DEFAULT)
        if found != DEFAULT:
            return found
    return ""


def _find(path: Path | None, environ: Mapping[str, str], faults: list[Fault]) -> Path | None:
    named = path or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is None:
        return Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None
    if named.is_file():
        return named
    origin = "--config" if path else CONFIG_VARIABLE
    problem = "is a folder, not a file" if named.is_dir() else "does not exist; 'honeyguide init' writes one"
    faults.append(Fault((), f"the file {named} {problem}", origin))
    return None


def _read(file: Path, faults: list[Fault]) -> Given:
    try:
        text = file.read_text("utf-8-sig")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.match(r"(.*?)\s*\(at line (\d+), column (\d+)\)", str(error))
        where = f"{file}:{found[2]}" if found else str(file)
        problem = f"{found[1]} (column {found[3]})" if found else str(error)
        faults.append(Fault((), f"this is not TOML: {problem}", where))
    except UnicodeDecodeError:
        faults.append(Fault((), "the file is not UTF-8 text", str(file)))
    except OSError as error:
        faults.append(Fault((), f"cannot be read: {error.strerror}", str(file)))
    else:
        return Given(values, {path: f"{file}:{line}" for path, line in key_lines(text).items()})
    return Given()


def _apply_flags(given: Given, overrides: Mapping[str, Any]) -> list[Fault]:
    faults = []
    for key, value in overrides.items():
        path = tuple(key.split("."))
        if find_row(path) is None:
            known = [row.key for row in rows() if ANY not in row.path]
            faults.append(Fault(path, f"unknown setting '{key}'{nearest(key, known)}", FLAG))
        else:
            given.put(path, str(value) if isinstance(value, Path) else value, FLAG)
    return faults


def _validate(given: Given, faults: list[Fault]) -> Settings | None:
    faults += switch_faults(given)
    try:
        settings = Settings.model_validate(given.values)
    except ValidationError as error:
        faults += validation_faults(error, given)
        return None
    faults += [Fault(fault.path, fault.problem, given.origin(fault.path)) for fault in cross_check(settings)]
    return settings


def _settle(settings: Settings, given: Given, folder: Path) -> Settings:
    """The data directory as an absolute path: it must not move when the current folder does."""
    data_dir = settings.project.data_dir.expanduser()
    data_dir = Path(os.path.abspath(data_dir if given.get(_DATA_DIR) is not None else folder / data_dir))
    return settings.model_copy(update={"project": settings.project.model_copy(update={"data_dir": data_dir})})


def _sources(settings: Settings, given: Given) -> dict[str, str]:
    paths = [path for path, _ in leaves(settings.model_dump())]
    return {
        ".".join(map(str, path)): DEFAULT if given.get(path) is None else given.origin(path) or DEFAULT for path in paths
    }


def _error(faults: list[Fault]) -> ConfigError:
    told = {fault.path or (fault.origin, fault.problem): fault for fault in reversed(faults)}  # one fault per path
    ordered = sorted(told.values(), key=_place)
    errors = [FieldError("".join(f"/{_escape(part)}" for part in fault.path), fault.sentence()) for fault in ordered]
    if len(errors) == 1:
        detail = errors[0].detail
    else:
        detail = "\n".join([f"{len(errors)} problems in the configuration", *(f"- {error.detail}" for error in errors)])
    return ConfigError(detail, cure="'honeyguide config schema' lists every setting and what it may be.", errors=errors)


def _place(fault: Fault) -> tuple[str, int]:
    """Files by line, variables by name."""
    file, _, line = fault.origin.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (fault.origin, 0)


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
