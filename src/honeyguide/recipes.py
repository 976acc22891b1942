"""Recipes: a surface is a list of stages. Adding a stage to a product is a line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from honeyguide.clock import Clock
from honeyguide.config.outside import ExternalSource as Specification
from honeyguide.config.settings import Settings
from honeyguide.monitoring.metrics import Metrics
from honeyguide.outbound import Outbound
from honeyguide.outbound.databases import Query
from honeyguide.protocols import Recipe, Source
from honeyguide.ranking import (
    Anchor,
    BlendedRanks,
    Blocked,
    Calibrated,
    Caps,
    Conditional,
    Disliked,
    Diverse,
    Excluded,
    Fames,
    InBasket,
    Lesser,
    Named,
    PinSource,
    PromotedSource,
    Requested,
    Reranking,
    Rotated,
    RuleFilter,
    Tail,
)
from honeyguide.ranking.scorers import WEIGHTS
from honeyguide.recommend.stages import all_sources
from honeyguide.retrieval import (
    AlikeSource,
    CatalogueSource,
    ContentSource,
    FavouriteSource,
    GivenSource,
    InterestSource,
    LearnedSource,
    NewItemSource,
    PopularSource,
    SimilarSource,
    TogetherSource,
    TrendingSource,
    VoiceSource,
)
from honeyguide.retrieval.external import PARAMETERS, Asked, ExternalSource, Rows, Service
from honeyguide.stores.breaker import Breaker

LADDER = ("popular", "new", "catalogue")
FINDERS = ("together", "model", "similar", "trending", "popular", "new", "catalogue")
"""Sources that find the best of any choice of items."""
FILTERS = (Blocked(), Disliked(), Excluded(), Anchor(), Named(), Requested(), Conditional(), RuleFilter())


def reranking() -> Reranking:
    """The passes of re-ranking in their order: first what changes how relevant an item is, last what must hold."""
    fames = Fames()
    return Reranking((Rotated(), Lesser(fames), Calibrated(), Diverse(), Tail(fames), Caps()))


def recipes(
    outside: Sequence[ExternalSource] = (), weights: Mapping[str, float] | None = None, voices: Sequence[str] = ()
) -> dict[str, Recipe]:
    """All recipes by name, `weights` by source beside those of `BlendedRanks`. The sources `outside` are in none but one of
    their own, from which a surface may choose; `voices` are the models that a ranker listens to."""
    scorer, selector = BlendedRanks({**WEIGHTS, **(weights or {})}), reranking()
    popular, interests, new, rest = PopularSource(), InterestSource(), NewItemSource(), CatalogueSource()
    content, favourites, learned = ContentSource(), FavouriteSource(), LearnedSource()
    made = {
        "personal": Recipe(FILTERS, (learned, content, interests, favourites, popular, new, rest), scorer, selector, LADDER),
        "ranked": Recipe(
            FILTERS,
            (learned, *map(VoiceSource, voices), content, interests, favourites, popular, new, rest),
            scorer,
            selector,
            LADDER,
            features=True,
        ),
        "similar": Recipe(FILTERS, (SimilarSource(), content, popular, rest), scorer, selector, LADDER),
        "basket": Recipe(
            (*FILTERS, InBasket()),
            (TogetherSource(), AlikeSource(), learned, content, interests, favourites, popular, rest),
            scorer,
            selector,
            LADDER,
        ),
        "popular": Recipe(FILTERS, (popular, new, rest), scorer, selector, LADDER[-1:]),
        "outside": Recipe(FILTERS, (*outside, rest), scorer, selector, LADDER),
        "trending": Recipe(FILTERS, (TrendingSource(), popular, rest), scorer, selector, LADDER[::2]),
        "new": Recipe(FILTERS, (new, rest), scorer, selector, LADDER[-1:]),
        "rank": Recipe(
            (Blocked(), Named(), Requested(), Conditional(), RuleFilter()),
            (learned, popular, GivenSource()),
            scorer,
            Reranking(),
        ),
    }
    return {name: replace(recipe, sources=(*recipe.sources, *_of_rules(recipe.sources))) for name, recipe in made.items()}


def _of_rules(sources: Sequence[Source]) -> tuple[Source, ...]:
    """What rules want to see in a list; what a promotion is about is looked for as everything else is."""
    return PinSource(), PromotedSource([source for source in sources if source.name in FINDERS])


def outside_sources(
    settings: Settings, outbound: Outbound, clock: Clock, chance: Callable[[], float], metrics: Metrics
) -> list[ExternalSource]:
    """The sources that the configuration names, each with a circuit of its own. Raises `ConfigError` for one that may not be
    called."""
    return [
        ExternalSource(spec.name, _asked(spec, outbound), spec.limit, _circuit(spec, clock, chance, metrics), clock)
        for spec in settings.external
    ]


def _asked(spec: Specification, outbound: Outbound) -> Asked:
    if not spec.is_service:
        return Rows(Query(spec.url, spec.query, PARAMETERS, spec.deadline))
    outbound.check(spec.url)
    return Service(outbound, spec.url, spec.deadline, spec.key.get_secret_value() if spec.key else "")


def _circuit(spec: Specification, clock: Clock, chance: Callable[[], float], metrics: Metrics) -> Breaker:
    gauge = metrics.circuit_breaker_open.labels(spec.name, "source")
    gauge.set(0)
    return Breaker(clock, chance, slow=spec.deadline, turned=gauge.set)


def source_names(made: Mapping[str, Recipe] | None = None) -> list[str]:
    """The names of all sources that a surface may choose from."""
    return sorted(all_sources(made or recipes()))
