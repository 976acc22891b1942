"""What can be wrong around the data: the configuration's file, the disk, the models."""

import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from honeyguide.cli.findings import Finding, Level
from honeyguide.config import LoadedConfig, Settings, cross_check
from honeyguide.config.load import located
from honeyguide.config.settings import Training
from honeyguide.errors import ConfigError, DamagedArtefact
from honeyguide.models import REGISTRY
from honeyguide.models.artefact import load as load_artefact
from honeyguide.protocols import Artefacts, Registry
from honeyguide.recipes import source_names
from honeyguide.train.items import overlap
from honeyguide.train.ranker import surfaces_without
from honeyguide.types import Job, ModelVersion

_GB = 1_000_000_000
_SHORT_KEY = 16
_DAY = 86_400_000
_OLD = 7 * _DAY
_BEHIND = 0.2
_COMMON = 0.5
_FEW = 20


def config_faults(error: ConfigError) -> list[Finding]:
    """Every fault of a configuration that does not load."""
    return [Finding("error", "config", fault.detail, "honeyguide config check") for fault in error.errors]


def config_findings(loaded: LoadedConfig) -> Iterator[Finding]:
    """A configuration that loads, and still is not right."""
    for fault in located(cross_check(loaded.settings, list(REGISTRY), source_names()), loaded.sources):
        yield Finding("error", "config", fault.sentence(), "honeyguide config show --sources")
    key = loaded.settings.auth.key
    if key is None:
        return
    if len(key.get_secret_value()) < _SHORT_KEY:
        fix = "take a longer one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        yield Finding("warning", "short_key", f"auth.key has fewer than {_SHORT_KEY} characters", fix)
    source = loaded.sources["auth.key"]
    if loaded.path and source.startswith(str(loaded.path)) and loaded.path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        what = f"{loaded.path} holds auth.key and others on this machine may read it"
        yield Finding("warning", "open_key", what, f"chmod 600 {loaded.path}, or use HONEYGUIDE_AUTH__KEY_FILE")


def disk_findings(settings: Settings, free: int | None = None) -> Iterator[Finding]:
    """Is there room for the data to grow? `free` bytes are those of the disk unless given."""
    folder = _existing(settings.project.data_dir)
    free = shutil.disk_usage(folder).free if free is None else free
    if free < _GB:
        level, code = ("error", "disk_full") if free < _GB // 5 else ("warning", "disk_nearly_full")
        what = f"{free / 1e6:,.0f} MB are free on the disk of {folder}"
        fix = "make room, or move data_dir; events are refused when the disk is full, none that was acknowledged is lost"
        yield Finding("error" if level == "error" else "warning", code, what, fix)


def model_findings(registry: Registry, artefacts: Artefacts, position: int, now: int) -> Iterator[Finding]:
    """Is a model there, whole, and not much older than the data?"""
    aliases = registry.aliases()
    champion = aliases.get("champion")
    if champion is None:
        yield Finding("warning", "not_trained", "no model is trained; popular items are served to all", "honeyguide train")
    for alias, version in sorted(aliases.items()):
        try:
            load_artefact(artefacts.path(version.model, version.version), whole=True)
        except DamagedArtefact as error:
            what = f"{version.label}, which {alias} points at, is damaged: {error.detail}"
            yield Finding("error", "damaged_model", what, f"honeyguide models rollback --alias {alias}, or honeyguide train")
    if champion is None or not position:
        return
    behind = (position - champion.trained_through) / position
    if behind > _BEHIND:
        what = f"{behind:.0%} of the log are newer than the champion {champion.label}"
        yield Finding("warning", "old_model", what, "honeyguide train")
    elif now - champion.created_at > _OLD and behind > 0:
        days = (now - champion.created_at) // _DAY
        what = f"the champion {champion.label} is {days} days old and the log has grown since"
        yield Finding("warning", "old_model", what, "honeyguide train")


def ranker_findings(registry: Registry, settings: Settings) -> Iterator[Finding]:
    """Has the champion a ranker for every surface that asks for one?"""
    champion = registry.aliases().get("champion")
    if champion is None:
        return
    for surface in surfaces_without(champion, settings):
        yield Finding("warning", "no_ranker", unranked(surface, champion), "honeyguide train")


def unranked(surface: str, version: ModelVersion) -> str:
    """What is wrong where a version has no ranker for a surface that asks for one."""
    return f"{surface} asks for a ranker and {version.label} has none, so it is served as 'personal' is"


def item_findings(
    registry: Registry, artefacts: Artefacts, catalogue: Collection[str], latest: Collection[str], training: Training
) -> Iterator[Finding]:
    """Does the champion still know the shop? `catalogue` are the ids of its items, `latest` those in the latest events."""
    champion = registry.aliases().get("champion")
    try:
        known = set(load_artefact(artefacts.path(champion.model, champion.version)).item_ids) if champion else set[str]()
    except DamagedArtefact:  # told by `model_findings`
        return
    if champion is None or not catalogue:
        return
    renamed = "if ids have changed, import events under the new ones and train again: honeyguide train"
    common = overlap(known, catalogue)
    if common < _COMMON:
        level: Level = "error" if common < training.min_overlap else "warning"
        what = f"the champion {champion.label} and the catalogue have {common:.0%} of the fewer of their items in common"
        yield Finding(level, "items_unknown", what, renamed)
    before = registry.previous("champion")
    had = int(before.manifest.get("items", 0)) if before is not None else 0
    if before is not None and len(known) < training.min_items * had:
        what = f"the champion {champion.label} knows {len(known):,} items, and {before.label} before it knew {had:,}"
        yield Finding("warning", "items_shrunk", what, "look whether an import broke off; honeyguide models rollback")
    strange = sum(item not in known for item in latest)
    if len(latest) >= _FEW and strange > _COMMON * len(latest):
        what = (
            f"the latest events name {len(latest):,} items; the champion {champion.label} does not know {strange:,} of them"
        )
        yield Finding("warning", "latest_unknown", what, renamed)


def erasure_findings(jobs: Iterable[Job], registry: Registry, now: int) -> Iterator[Finding]:
    """Has every erasure come to its end, and have the models that serve forgotten those who were erased?"""
    erasures = [job for job in jobs if job.kind == "erase"]
    failed = sum(job.state == "failed" and "user_ids" in job.params for job in erasures)
    if failed:
        what = f"{failed} erasures have failed: a process died under each, again and again"
        yield Finding("error", "erasure_failed", what, "see the log, then ask again: DELETE /v1/users/... of the same users")
    for alias, version in sorted(registry.aliases().items()):
        late = [job.result["models_by"] for job in erasures if version.label in job.result.get("models", ())]
        if late and datetime.fromisoformat(min(late)).timestamp() * 1000 < now:
            what = f"{version.label}, which {alias} points at, was to be replaced by {min(late)}, after an erasure"
            yield Finding("warning", "remembers_erased", what, "honeyguide train")


def _existing(path: Path) -> Path:
    """The nearest folder on the way to `path` that is there."""
    while not path.exists():
        path = path.parent
    return path
