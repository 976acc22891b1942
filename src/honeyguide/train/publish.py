"""Makes versions public: files first, then the row that names them, then the alias that serves them."""

from collections.abc import Mapping, Sequence

from honeyguide.clock import Clock
from honeyguide.errors import NotFound
from honeyguide.models.artefact import load, save
from honeyguide.offline.dataset import Dataset
from honeyguide.protocols import Artefacts, Model, Registry
from honeyguide.train.compare import BASELINE, Trial
from honeyguide.train.gate import Verdict
from honeyguide.train.report import metrics_of
from honeyguide.types import Json, ModelVersion


def publish(
    registry: Registry,
    artefacts: Artefacts,
    fitted: Sequence[tuple[Model, float]],
    dataset: Dataset,
    trials: Sequence[Trial],
    verdict: Verdict,
    position: int,
    clock: Clock,
) -> dict[str, int]:
    """Write each model as a new version and record it; model name -> version. The popularity of this run comes first.

    A version is recorded only when all its files are on the disk, so a reader meets a whole version or none."""
    of_run = {trial.name: trial for trial in trials}
    versions: dict[str, int] = {}
    for model, seconds in sorted(fitted, key=lambda pair: pair[0].name != BASELINE):
        number = registry.next_version(model.name)
        companions = {BASELINE: f"{BASELINE}@{versions.get(BASELINE, number)}"}
        extra = _about(dataset, position, seconds) | {"companions": companions, "version": number}
        extra["verdict"] = verdict.reason if model.name == verdict.champion else ""
        metrics = metrics_of(of_run[model.name]) if model.name in of_run else {}
        with artefacts.create(model.name, number) as folder:
            manifest = save(folder, model, dataset.item_ids, extra | {"metrics": metrics})
        registry.publish(ModelVersion(model.name, number, clock.now_ms(), position, metrics, manifest))
        versions[model.name] = number
    return versions


def _about(dataset: Dataset, position: int, seconds: float) -> Json:
    """What a version was made of."""
    data = dataset.interactions
    return {
        "trained_through": position,
        "interactions": len(data.users),
        "users": data.n_users,
        "window": [int(data.ts.min()), int(data.ts.max())],
        "fit_seconds": round(seconds, 3),
        "segments": dataset.segments,
    }


def promote(registry: Registry, artefacts: Artefacts, alias: str, model: str, version: int) -> ModelVersion:
    """Point an alias at a version whose files, and those of its companion, read well. Raises `DamagedArtefact`, `NotFound`."""
    found = registry.version(model, version)
    for name, number in [(model, version), *_companions(found)]:
        load(artefacts.path(name, number))
    registry.set_alias(alias, model, version)
    return found


def rollback(registry: Registry, artefacts: Artefacts, alias: str) -> ModelVersion:
    """Point an alias at what it pointed at before. Raises `NotFound` if it never pointed at anything else."""
    before = registry.previous(alias)
    if before is None:
        raise NotFound(f"{alias!r} has no version before this one.", cure="See 'honeyguide models list'.")
    return promote(registry, artefacts, alias, before.model, before.version)


def sweep(registry: Registry, artefacts: Artefacts, keep: int) -> list[ModelVersion]:
    """Remove what is neither among the newest `keep` versions of its model, nor served, nor the way back; what went."""
    needed = _needed(registry.aliases(), registry)
    gone = []
    for name in {version.model for version in registry.versions()}:
        for version in registry.versions(name)[keep:]:
            if (version.model, version.version) not in needed:
                registry.remove(version.model, version.version)
                artefacts.remove(version.model, version.version)
                gone.append(version)
    return gone


def _needed(aliases: Mapping[str, ModelVersion], registry: Registry) -> set[tuple[str, int]]:
    served = [*aliases.values(), *(before for alias in aliases if (before := registry.previous(alias)) is not None)]
    return {pair for version in served for pair in [(version.model, version.version), *_companions(version)]}


def _companions(version: ModelVersion) -> list[tuple[str, int]]:
    """The versions that this one is served with."""
    labels = version.manifest.get("companions", {}).values()
    return [(name, int(number)) for name, _, number in (str(label).partition("@") for label in labels) if number.isdigit()]
