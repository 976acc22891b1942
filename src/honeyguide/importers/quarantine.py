"""Where rows go that do not fit: one JSON object per line, with the reason, so that they can be mended and imported."""

import os
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import msgspec

from honeyguide.errors import FieldError, InvalidInput
from honeyguide.importers.sources import Row
from honeyguide.ingest.faults import Fault, shown

_encode = msgspec.json.Encoder(enc_hook=shown).encode


class Quarantine:
    """Writes refused rows to a file, which is made with the first of them and readable by its owner only.

    With `on_error="fail"` the first refused row is an InvalidInput instead; with `path` None nothing is written."""

    def __init__(self, path: Path | None, on_error: Literal["quarantine", "fail"] = "quarantine") -> None:
        self._path, self._on_error = path, on_error
        self._file: IO[bytes] | None = None

    @property
    def written(self) -> str | None:
        """The file, if there is one by now."""
        return None if self._file is None else str(self._path)

    def add(self, source: str, number: int, raw: Row | str, fault: Fault) -> None:
        """Put a row away. `number` counts the rows of the source from 1."""
        if self._on_error == "fail":
            raise InvalidInput(
                f"Row {number} of {source} does not fit.",
                cure="Correct it and import again (rows that are in already count once), or use --on-error quarantine.",
                errors=[FieldError(fault.pointer, fault.detail)],
                code=fault.code,
            )
        if self._path is None:
            return
        if self._file is None:
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        entry = {
            "source": source,
            "row": number,
            "code": fault.code,
            "field": fault.field,
            "reason": fault.detail,
            "raw": raw,
        }
        self._file.write(_encode(entry) + b"\n")

    def __enter__(self) -> Self:
        """The quarantine itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file; what was put away stays."""
        if self._file is not None:
            self._file.close()
