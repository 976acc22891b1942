"""What settings are made of: durations, windows, sizes, shares, names, and the section that holds them."""

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def parse_duration(value: Any) -> float:
    """`"250ms"`, `"5m"`, `"1d"` or a number of seconds -> seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)\s*", str(value))
    if not match:
        raise ValueError(f"{value!r} is not a duration; write a number with ms, s, m, h or d, such as 250ms or 5m")
    return float(match[1]) * _UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """Seconds -> the shortest text that `parse_duration` reads back."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{int(seconds / _UNITS[unit])}{unit}"
    return f"{seconds * 1000:.6f}".rstrip("0").rstrip(".") + "ms"


LONGEST_WINDOW = 400 * 86_400.0
"""Seconds. Events are kept for that long, so a longer window would be all time with another name."""


def parse_window(value: Any) -> float:
    """`"7d"` -> seconds, `"all"` -> 0."""
    if value == "all":
        return 0.0
    seconds = parse_duration(value)
    if 60 <= seconds <= LONGEST_WINDOW:
        return seconds
    raise ValueError(f"{value!r} is no window; write 1m to 400d, or leave it out to look at all time")


def format_window(seconds: float) -> str:
    """Seconds -> the text that `parse_window` reads back."""
    return format_duration(seconds) if seconds else "all"


def parse_size(value: Any) -> int:
    """`"256MB"` or a number of bytes -> bytes (decimal units)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(B|KB|MB|GB)\s*", str(value))
    if not match:
        raise ValueError(f"{value!r} is not a size; write a number with B, KB, MB or GB, such as 256MB")
    return round(float(match[1]) * _SIZES[match[2]])


def format_size(size: int) -> str:
    """Bytes -> the shortest text that `parse_size` reads back."""
    for unit in ("GB", "MB", "KB"):
        if size >= _SIZES[unit] and size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]}{unit}"
    return f"{size}B"


def parse_origin(value: Any) -> str:
    """`"https://cdn.example.com"` -> itself: a scheme, a host and perhaps a port, nothing else."""
    if isinstance(value, str) and re.fullmatch(r"(?i)https?://[a-z0-9.-]+(:[0-9]{1,5})?", value):
        return value.lower()
    raise ValueError(f"{value!r} is no origin; write a scheme and a host, such as https://cdn.example.com")


Origin = Annotated[
    str, BeforeValidator(parse_origin), WithJsonSchema({"type": "string", "examples": ["https://cdn.example.com"]})
]
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": ["string", "number"], "examples": ["250ms", "5m", "1d"]}),
    Field(ge=0),
]
Window = Annotated[
    float,
    BeforeValidator(parse_window),
    PlainSerializer(format_window, return_type=str),
    WithJsonSchema({"type": ["string", "number"], "examples": ["1h", "30d", "all"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["256MB"]}),
    Field(ge=0),
]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
ContentField = Annotated[str, Field(pattern=r"^(title|categories|properties(\..+)?)$", max_length=128)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class Section(BaseModel):
    """A table of the configuration: unknown keys are errors, values never change after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SectionT = TypeVar("SectionT", bound=Section)


def laid_over(builtin: SectionT | None, declared: SectionT) -> SectionT:
    """What was declared, and the built-in of the same name for the keys that were left out."""
    if builtin is None:
        return declared
    return builtin.model_copy(update={key: getattr(declared, key) for key in declared.model_fields_set})
