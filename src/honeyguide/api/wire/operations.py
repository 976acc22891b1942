"""Model versions, aliases, jobs and the system on the wire."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from honeyguide.api.wire.base import In, Moment, iso
from honeyguide.jobs.erase import shown
from honeyguide.train.lineage import Lineage
from honeyguide.types import Job, Json, ModelVersion


class VersionParams(In):
    """One version of a model."""

    name: str
    version: int


class AliasParams(In):
    """One alias."""

    alias: str


class AliasIn(In):
    """What the alias shall point at. `anyway`: also if its items are few, or are not those of the catalogue."""

    model: str
    version: int
    anyway: bool = False


class AliasOut(msgspec.Struct):
    """What an alias points at. `serving` is what this process serves under it; it differs only while it switches."""

    alias: str
    model: str
    version: int
    serving: str | None


class AliasPage(msgspec.Struct):
    """All aliases."""

    items: list[AliasOut]
    next_cursor: str | None


class VersionOut(msgspec.Struct, kw_only=True):
    """A trained version: `trained_through` is the log position of its data, `metrics` its evaluation."""

    model: str
    version: int
    created_at: Moment
    trained_through: int
    metrics: Json
    aliases: list[str]

    @classmethod
    def of(cls, found: ModelVersion, aliases: Mapping[str, ModelVersion]) -> "VersionOut":
        """The version for the wire, with the aliases that point at it."""
        return cls(
            model=found.model,
            version=found.version,
            created_at=iso(found.created_at),
            trained_through=found.trained_through,
            metrics=found.metrics,
            aliases=sorted(name for name, target in aliases.items() if target.label == found.label),
        )


class VersionDetail(VersionOut, kw_only=True):
    """A trained version with what it was made of, and its manifest: files, checksums, hyper-parameters."""

    lineage: Lineage
    manifest: Json


class VersionPage(msgspec.Struct):
    """Versions, newest first."""

    items: list[VersionOut]
    next_cursor: str | None


class JobParams(In):
    """One job."""

    job_id: str


class JobIn(In):
    """A job to start. `models` are the models to train, `budget` (`10m`, `1h`) the time for a search of the best one and its
    hyper-parameters; without them, those of the configuration."""

    kind: Literal["train"]
    models: list[str] | None = None
    budget: str | None = None


class JobOut(msgspec.Struct, kw_only=True):
    """A long-running action. `progress` goes from 0 to 1. An erasure names users by their pseudonyms."""

    job_id: str
    kind: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    progress: float
    message: str
    params: Json
    result: Json

    @classmethod
    def of(cls, job: Job) -> "JobOut":
        """The job for the wire."""
        state: Any = job.state
        return cls(
            job_id=job.job_id,
            kind=job.kind,
            state=state,
            created_at=iso(job.created_at),
            started_at=None if job.started_at is None else iso(job.started_at),
            finished_at=None if job.finished_at is None else iso(job.finished_at),
            progress=job.progress,
            message=job.message,
            params=shown(job.params),
            result=job.result,
        )


class JobPage(msgspec.Struct):
    """Jobs, newest first."""

    items: list[JobOut]
    next_cursor: str | None


class Health(msgspec.Struct):
    """That the process answers, and the model versions that it serves."""

    status: Literal["healthy"]
    models: list[str]


class Readiness(msgspec.Struct):
    """Whether requests should come here: the log position that is known here, what each alias serves, and what behind the
    process does not answer."""

    ready: bool
    position: int
    aliases: dict[str, str]
    degraded: list[str]


class System(msgspec.Struct, kw_only=True):
    """What is running. `position` is the end of the log; `config` is the fingerprint that slates carry."""

    version: str
    python: str
    started_at: Moment
    uptime_seconds: float
    position: int
    config: str
    aliases: dict[str, str]
    refused: dict[str, str]
    surfaces: list[str]
    protected: bool


class Configuration(msgspec.Struct, kw_only=True):
    """The settings in effect, secrets as stars. `sources` say where a setting comes from, by its dotted name (entries of
    lists by their own names): `default`, a file with its line, a variable, a flag; empty where a program made them."""

    settings: Json
    sources: dict[str, str]


class FileParams(In):
    """A file of the documentation page."""

    file: str
