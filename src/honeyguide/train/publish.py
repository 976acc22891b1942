"""Makes versions public: files first, then the row that names them, then the alias that serves them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from honeyguide import __version__
from honeyguide.clock import Clock
from honeyguide.config import settings_fingerprint
from honeyguide.errors import NotFound
from honeyguide.models.artefact import load, load_parts, save, save_parts
from honeyguide.protocols import Artefacts, Model, Registry
from honeyguide.ranking.learned import VOICE, LearnedRanker, part_of, parts
from honeyguide.retrieval.content import CONTENT
from honeyguide.retrieval.index import GRAPH
from honeyguide.retrieval.together import TOGETHER
from honeyguide.train.bench import BASELINE
from honeyguide.train.items import ItemCheck
from honeyguide.train.report import Run, metrics_of
from honeyguide.types import Json, ModelVersion


def publish(
    registry: Registry,
    artefacts: Artefacts,
    fitted: Sequence[Model],
    run: Run,
    clock: Clock,
    tell: Callable[[str, float], None],
) -> dict[str, int]:
    """Write each model as a new version and record it; model name -> version. The popularity of this run comes first.

    A version is recorded only when all its files are on the disk, so a reader meets a whole version or none."""
    metrics = {trial.name: metrics_of(trial, run.seed) for trial in run.trials}
    about, gains = _about(run) | {"comparison": metrics}, run.gains()
    versions: dict[str, int] = {}
    last = run.verdict.champion if run.rankers else ""
    for place, model in enumerate(_in_order(fitted, last)):
        tell(f"publish {model.name}", place / len(fitted))
        number = registry.next_version(model.name)
        own: Json = {
            "version": number,
            "metrics": metrics.get(model.name, {}),
            "companions": {BASELINE: f"{BASELINE}@{versions.get(BASELINE, number)}"},
            **({"rankers": {each.surface: each.about() for each in run.rankers}} if model.name == last else {}),
            "verdict": run.verdict.reason if model.name == run.verdict.champion else "",
            **({"gain": gains[model.name]} if model.name in gains else {}),
            **({"search": run.search} if run.search else {}),
        }
        voices = {voice for each in run.rankers if each.passed for voice in each.voices} if model.name == last else set()
        own["companions"] |= {f"{VOICE}{name}": f"{name}@{versions[name]}" for name in sorted(voices) if name in versions}
        with artefacts.create(model.name, number) as folder:
            manifest = save(folder, model, run.dataset.item_ids, about | own)
            if model.name == BASELINE:
                _save_what_is_beside(folder, run)
            for each in run.rankers if model.name == last else ():
                if each.passed:
                    save_parts(folder, part_of(each.surface), *parts(each.trees, each.signals))
        registry.publish(ModelVersion(model.name, number, clock.now_ms(), run.position, own["metrics"], manifest))
        versions[model.name] = number
    return versions


def _save_what_is_beside(folder: Path, run: Run) -> None:
    content, companions = run.beside.content, run.beside.companions
    if content is not None:
        if content.graph is not None:
            content.graph.save(folder / GRAPH)
        files = [] if content.graph is None else [GRAPH]
        save_parts(folder, CONTENT, content.arrays(), content.about(), files)
    if companions is not None:
        save_parts(folder, TOGETHER, companions.arrays(), {})


def _in_order(fitted: Sequence[Model], last: str) -> list[Model]:
    """Popularity first, and at the end the model that others are companions of."""
    return sorted(fitted, key=lambda model: (model.name != BASELINE, model.name == last))


def _about(run: Run) -> Json:
    """What all versions of a run were made of."""
    data = run.dataset.interactions
    return {
        "trained_through": run.position,
        "interactions": len(data.users),
        "users": data.n_users,
        "window": [int(data.ts.min()), int(data.ts.max())],
        "seed": run.seed,
        "config": settings_fingerprint(run.settings),
        "release": __version__,
        "parent": run.parent,
        "seconds": dict(run.seconds),
        "segments": run.dataset.segments,
    }


def promote(
    registry: Registry, artefacts: Artefacts, alias: str, model: str, version: int, check: ItemCheck | None = None
) -> ModelVersion:
    """Point an alias at a version once its files, and those of its companions, read well, and its items pass the `check`.

    Raises `NotFound`, `DamagedArtefact`, or `GateNotMet`; then the alias stays."""
    found = registry.version(model, version)
    for name, number in dict.fromkeys([(model, version), *_companions(found)]):
        load(artefacts.path(name, number), whole=True)
        for part in (CONTENT, TOGETHER):
            load_parts(artefacts.path(name, number), part, whole=True)
    if check is not None:
        check.version(alias, found)
    for surface in found.manifest.get("rankers", {}):
        told = load_parts(artefacts.path(model, version), part_of(surface), whole=True)
        if told is not None:
            LearnedRanker.of(found.label, *told)
    registry.set_alias(alias, model, version)
    return found


def rollback(registry: Registry, artefacts: Artefacts, alias: str) -> ModelVersion:
    """Point an alias at what it pointed at before, whatever its items. Raises `NotFound` if it pointed at nothing else."""
    before = registry.previous(alias)
    if before is None:
        raise NotFound(f"{alias!r} has no version before this one.", cure="See 'honeyguide models list'.")
    return promote(registry, artefacts, alias, before.model, before.version)


def sweep(registry: Registry, artefacts: Artefacts, keep: int) -> list[ModelVersion]:
    """Remove what is neither among the newest `keep` versions of its model, nor served, nor the way back, nor a companion
    of any of these; returns what went.

    Folders that a killed training left without a row go too, once `keep` newer versions say that nobody is still at it."""
    models = {version.model for version in registry.versions()}
    by_model = {name: sorted(registry.versions(name), key=lambda version: -version.version) for name in sorted(models)}
    newest = {name: versions[0].version for name, versions in by_model.items()}
    kept = [*_served(registry), *(version for versions in by_model.values() for version in versions[:keep])]
    needed = {pair for version in kept for pair in [(version.model, version.version), *_companions(version)]}
    every = [version for versions in by_model.values() for version in versions]
    gone = [version for version in every if (version.model, version.version) not in needed]
    for version in gone:
        registry.remove(version.model, version.version)
    recorded = {(version.model, version.version) for version in registry.versions()}
    for model, number in artefacts.folders():
        if (model, number) not in recorded and number <= newest.get(model, 0) - keep:
            artefacts.remove(model, number)
    return gone


def _served(registry: Registry) -> list[ModelVersion]:
    """What aliases point at, and what they pointed at before."""
    aliases = registry.aliases()
    return [*aliases.values(), *(before for alias in aliases if (before := registry.previous(alias)) is not None)]


def _companions(version: ModelVersion) -> list[tuple[str, int]]:
    """The versions that this one is served with."""
    labels = version.manifest.get("companions", {}).values()
    return [(name, int(number)) for name, _, number in (str(label).partition("@") for label in labels) if number.isdigit()]
