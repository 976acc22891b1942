"""The exception tree. Every error says what is wrong, where, and the command or setting that mends it.

HoneyguideError
├── InvalidInput            a value that we were given (HTTP 422)
│   ├── ConfigError         in the configuration
│   ├── FilterError         in a filter or rule
│   ├── NotEnoughData       too little to train or evaluate on
│   └── NotEnoughMemory     a model that would not fit beside what runs already
├── NotFound                a thing that is named and does not exist (HTTP 404)
├── Conflict                the present state forbids it (HTTP 409)
│   └── DataDirectoryBusy   another server holds the data directory
├── Unauthorized            no key, or a wrong one (HTTP 401)
├── Forbidden               the key's scopes do not allow it (HTTP 403)
├── TooLarge                a body, batch or file above its limit (HTTP 413)
├── GateNotMet              a trained version is not good enough to serve (exit code 3)
├── DamagedArtefact         a model file that is truncated, altered or of another format
└── Unavailable             something behind us does not answer (HTTP 503, exit code 4)
    └── StorageFull         the disk under the data directory is full
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a structured input: where (`pointer`, RFC 6901), what, and how to mend it (both in `detail`)."""

    pointer: str
    detail: str


class HoneyguideError(Exception):
    """Base of all errors that honeyguide raises on purpose.

    `code` is stable and machine readable; `cure` is the sentence that says how to mend it.
    """

    code = "error"
    status = 500
    exit_code = 1

    def __init__(self, detail: str, *, cure: str = "", errors: Sequence[FieldError] = (), code: str = "") -> None:
        super().__init__(f"{detail} {cure}".strip())
        self.detail = detail
        self.cure = cure
        self.errors = tuple(errors)
        if code:
            self.code = code


class InvalidInput(HoneyguideError):
    """A value that we were given does not fit."""

    code = "invalid_input"
    status = 422


class ConfigError(InvalidInput):
    """The configuration names something unknown or holds a value that does not fit."""

    code = "invalid_config"
    exit_code = 2


class FilterError(InvalidInput):
    """A filter or rule cannot be read."""

    code = "invalid_filter"


class NotEnoughData(InvalidInput):
    """There is too little data for what was asked."""

    code = "not_enough_data"
    exit_code = 1


class NotEnoughMemory(InvalidInput):
    """Fitting would take more memory than there is: refused before it begins, so that nothing is killed."""

    code = "not_enough_memory"
    exit_code = 1


class NotFound(HoneyguideError):
    """Something that was named does not exist."""

    code = "not_found"
    status = 404


class Conflict(HoneyguideError):
    """The present state forbids what was asked."""

    code = "conflict"
    status = 409


class DataDirectoryBusy(Conflict):
    """Another server holds the data directory."""

    code = "data_directory_busy"


class Unauthorized(HoneyguideError):
    """No key was sent, or a wrong one."""

    code = "unauthorized"
    status = 401


class Forbidden(HoneyguideError):
    """The key that was sent does not hold the scope that this needs."""

    code = "forbidden"
    status = 403


class TooLarge(HoneyguideError):
    """A body, batch or file is above its limit."""

    code = "too_large"
    status = 413


class GateNotMet(HoneyguideError):
    """A trained version does not pass the gate; the serving version stays."""

    code = "gate_not_met"
    status = 409
    exit_code = 3


class DamagedArtefact(HoneyguideError):
    """A model artefact is truncated, altered or of a format that this release does not read."""

    code = "damaged_artefact"


class Unavailable(HoneyguideError):
    """Something that is needed does not answer."""

    code = "unavailable"
    status = 503
    exit_code = 4


class StorageFull(Unavailable):
    """The disk under the data directory is full; nothing of the write was kept."""

    code = "storage_full"
