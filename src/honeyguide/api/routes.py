"""THE table of routes: method, path, scope, handler, types, examples. Dispatch, authorisation and OpenAPI all read it.

To add a route: a handler, a line here, a test.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Final, Literal

from honeyguide.api import examples as eg
from honeyguide.api import result_examples as shown
from honeyguide.api import trial_examples as te
from honeyguide.api.auth import Scope
from honeyguide.api.cold import NoParams
from honeyguide.api.handlers import (
    cache,
    catalogue,
    dashboard,
    docs,
    experiments,
    features,
    operations,
    people,
    quality,
    results,
    rules,
    slates,
    standing,
    system,
)
from honeyguide.api.intake import Intake
from honeyguide.api.lists import Lists
from honeyguide.api.wire import cache as kept
from honeyguide.api.wire import catalogue as goods
from honeyguide.api.wire import experiments as trials
from honeyguide.api.wire import features as views
from honeyguide.api.wire import lists
from honeyguide.api.wire import operations as ops
from honeyguide.api.wire import rules as ruled
from honeyguide.api.wire.base import In, PageParams
from honeyguide.api.wire.events import TrackIn, TrackParams
from honeyguide.api.wire.people import HistoryOut, HistoryParams, MergeIn, SimilarUsersParams
from honeyguide.api.wire.quality import QualityOut, QualityParams
from honeyguide.api.wire.results import ResultParams
from honeyguide.experiments.design import SizeIn, SizeOut
from honeyguide.experiments.plan import Results
from honeyguide.ingest.decode import EVENTS, ITEMS, RowDecoder
from honeyguide.jobs.kinds import Standing
from honeyguide.messages import EventIn, Explanation, IngestReport, ItemIn, Merged, Ranking, Slate
from honeyguide.recommend.experiments import Assignment
from honeyguide.recommend.neighbours import Neighbours
from honeyguide.recommend.why import ListStanding

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    `handler`: of a hot route the method of the class `hot`, of a cold one a function of a `Call`; `ready`: the method that
    answers without waiting where it can, and that decides nothing differently. `answer`: the type of
    the good answer, or a media type for text; `status` and `example` belong to it. `params`: the parameters, those in
    the path included. `body`: the type of the body, or of one row of it when `rows` reads many. `errors`: statuses that
    not every route can have. `tagged` answers carry an ETag; `once` honours Idempotency-Key. `given` and `sent` are
    parameters and body of the example.
    """

    method: Method
    path: str
    scope: Scope | None
    handler: Callable[..., Any]
    answer: Any = None
    example: Any = None
    _: KW_ONLY
    tag: str = ""
    hot: type | None = None
    ready: Callable[..., Any] | None = None
    params: type[In] = NoParams
    body: Any = None
    body_optional: bool = False
    rows: RowDecoder[Any] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    tagged: bool = False
    once: bool = False
    given: Json = field(default_factory=dict)
    sent: Any = None


def _group(tag: str, *routes: Route) -> tuple[Route, ...]:
    return tuple(replace(route, tag=tag) for route in routes)


_USER_N: Final[Json] = {"user_id": "user_123", "n": 2}
_SIMPLE: Final[Json] = {
    "hot": Lists,
    "ready": Lists.simple_at_once,
    "params": lists.SimpleParams,
    "errors": (403, 404),
    "given": _USER_N,
}
_TRACK: Final[Json] = {"type": "view", "user_id": "user_123", "item_id": "item_1"}
_HEALTHY: Final[Json] = {"status": "healthy", "models": ["ease@7"]}

SIMPLE: Final = _group(
    "simple",
    Route("GET", "/recommendations", "recommend:read", Lists.simple, lists.SimpleSlate, eg.SIMPLE, **_SIMPLE),
    Route(
        "POST", "/recommendations", "recommend:read", Lists.simple, lists.SimpleSlate | lists.SimpleRanked, eg.SIMPLE_RANKED,
        body=lists.SimpleIn, body_optional=True, sent=eg.SIMPLE_BODY, **_SIMPLE,
    ),
    Route(
        "POST", "/track/{type}", "events:write", Intake.track, IngestReport, eg.TRACKED, hot=Intake, params=TrackParams,
        body=TrackIn, body_optional=True, status=202, errors=(409,), once=True, given=_TRACK,
    ),
    Route("GET", "/health", None, system.health, ops.Health, _HEALTHY),
)  # fmt: skip

_FULL: Final[Json] = {"hot": Lists, "ready": Lists.full_at_once, "params": lists.RecommendParams, "errors": (403, 404)}
_SLATE: Final[Json] = {"params": lists.RequestParams, "errors": (404,), "given": {"request_id": eg.REQUEST_ID}}
_SIMILAR: Final[Json] = {**eg.SLATE, "surface": "similar", "user_id": ""}

RECOMMENDATIONS: Final = _group(
    "recommendations",
    Route(
        "GET", "/v1/recommendations", "recommend:read", Lists.full, Slate, eg.SLATE,
        given={**_USER_N, "category": ["kitchen", "garden"]}, **_FULL,
    ),
    Route(
        "POST", "/v1/recommendations", "recommend:read", Lists.full, Slate, eg.SLATE,
        body=lists.RecommendIn, body_optional=True, sent=eg.QUERY, **_FULL,
    ),
    Route(
        "POST", "/v1/recommendations:batch", "recommend:read", slates.recommend_many, lists.BatchOut, {"slates": [eg.SLATE]},
        body=lists.BatchIn, errors=(403, 404), sent={"queries": [eg.QUERY]},
    ),
    Route(
        "GET", "/v1/items/{item_id}/similar", "recommend:read", slates.similar, Slate, _SIMILAR,
        params=lists.SimilarParams, given={"item_id": "item_1", "n": 2},
    ),
    Route(
        "GET", "/v1/items/{item_id}/together", "recommend:read", slates.together, Slate, {**_SIMILAR, "surface": "cart"},
        params=lists.SimilarParams, given={"item_id": "item_1", "n": 2},
    ),
    Route(
        "POST", "/v1/rank", "recommend:read", standing.rank, Ranking, eg.RANKING,
        body=lists.RankIn, errors=(404,), sent={"user_id": "user_123", "items": ["item_3", "item_9", "item_7", "item_4"]},
    ),
    Route(
        "POST", "/v1/sessions/recommendations", "recommend:read", standing.of_a_session, Slate, eg.SESSION_SLATE,
        body=lists.SessionIn, errors=(404,), sent={"events": [{"item_id": "item_1"}], "n": 2},
    ),
    Route(
        "GET", "/v1/lists/{name}", "recommend:read", standing.standing, Slate, eg.LIST_SLATE,
        params=lists.ListParams, given={"name": "trending", "n": 2, "category": ["kitchen"]},
    ),
    Route(
        "GET", "/v1/recommendations/{request_id}", "recommend:read", slates.get_slate, lists.SlateRecord, eg.RECORD,
        tagged=True, **_SLATE,
    ),
    Route(
        "GET", "/v1/recommendations/{request_id}/explanation", "recommend:read", slates.explain, Explanation, eg.EXPLANATION,
        **_SLATE,
    ),
)  # fmt: skip

_EVENTS: Final[Json] = {"hot": Intake, "body": EventIn, "status": 202, "errors": (409,), "once": True}

EVENT_ROUTES: Final = _group(
    "events",
    Route("POST", "/v1/events", "events:write", Intake.one, IngestReport, eg.TRACKED, sent=eg.EVENT, **_EVENTS),
    Route(
        "POST", "/v1/events:batch", "events:write", Intake.batch, IngestReport, eg.BATCH_REPORT,
        rows=EVENTS, sent=[eg.EVENT, {"type": "view", "item_id": "item_1"}], **_EVENTS,
    ),
)  # fmt: skip

_ITEM: Final[Json] = {"params": goods.ItemParams, "given": {"item_id": "item_1"}}
_USER: Final[Json] = {"params": goods.UserParams, "given": {"user_id": "user_123"}}
_PAGE: Final[Json] = {"params": PageParams, "given": {"limit": 1}}
_ITEMS: Final[Json] = {"params": goods.ItemsParams, "given": {"limit": 1}}
_USERS: Final[Json] = {"params": goods.UsersParams, "given": {"limit": 1}}

ITEM_ROUTES: Final = _group(
    "items",
    Route("GET", "/v1/items", "recommend:read", catalogue.list_items, goods.ItemPage, eg.page(eg.ITEM), **_ITEMS),
    Route(
        "POST", "/v1/items:batch", "catalog:write", catalogue.put_items, IngestReport, eg.ITEMS_REPORT,
        body=ItemIn, rows=ITEMS, errors=(409,), once=True,
        sent=[{"item_id": "item_1", **eg.ITEM_BODY}, {"item_id": "item_2", "title": "Cup"}],
    ),
    Route(
        "GET", "/v1/items/{item_id}", "recommend:read", catalogue.get_item, goods.ItemOut, eg.ITEM,
        errors=(404,), tagged=True, **_ITEM,
    ),
    Route(
        "PUT", "/v1/items/{item_id}", "catalog:write", catalogue.put_item, goods.Written, eg.WRITTEN,
        body=goods.ItemBody, sent=eg.ITEM_BODY, **_ITEM,
    ),
    Route(
        "PATCH", "/v1/items/{item_id}", "catalog:write", catalogue.patch_item, goods.Written, eg.WRITTEN,
        body=goods.ItemBody, errors=(404,), sent={"price": 19.5, "hidden": False}, **_ITEM,
    ),
    Route(
        "DELETE", "/v1/items/{item_id}", "catalog:write", catalogue.delete_item, goods.Written, eg.WRITTEN,
        errors=(404,), **_ITEM,
    ),
)  # fmt: skip

USER_ROUTES: Final = _group(
    "users",
    Route("GET", "/v1/users", "catalog:write", catalogue.list_users, goods.UserPage, eg.page(eg.USER), **_USERS),
    Route(
        "POST", "/v1/users/{user_id}:merge", "catalog:write", people.merge_user, Merged, eg.MERGED,
        body=MergeIn, errors=(404, 409), sent={"into": "user_123"},
        params=goods.UserParams, given={"user_id": "visitor_9f2c"},
    ),
    Route(
        "GET", "/v1/users/{user_id}/similar", "admin", people.similar_users, Neighbours, eg.NEIGHBOURS,
        params=SimilarUsersParams, given={"user_id": "user_123", "n": 1},
    ),
    Route(
        "GET", "/v1/users/{user_id}/events", "catalog:write", people.history, HistoryOut, eg.HISTORY,
        params=HistoryParams, given={"user_id": "user_123", "limit": 1},
    ),
    Route(
        "GET", "/v1/users/{user_id}/export", "admin", people.export_user, "application/x-ndjson", errors=(404,), **_USER,
    ),
    Route(
        "GET", "/v1/users/{user_id}", "catalog:write", catalogue.get_user, goods.UserOut, eg.USER,
        errors=(404,), tagged=True, **_USER,
    ),
    Route(
        "PUT", "/v1/users/{user_id}", "catalog:write", catalogue.put_user, goods.Written, eg.WRITTEN,
        body=goods.UserBody, sent={"properties": {"country": "PT"}}, **_USER,
    ),
    Route(
        "PATCH", "/v1/users/{user_id}", "catalog:write", catalogue.patch_user, goods.Written, eg.WRITTEN,
        body=goods.UserBody, sent={"properties": {"newsletter": True}}, **_USER,
    ),
    Route(
        "DELETE", "/v1/users/{user_id}", "admin", people.erase_user, ops.JobOut, eg.ERASURE,
        status=202, params=goods.UserParams, given={"user_id": "user_who_leaves"},
    ),
)  # fmt: skip

_FEATURE: Final[Json] = {"view": "total_purchases", "entity_id": "user_123"}

FEATURE_ROUTES: Final = _group(
    "features",
    Route("GET", "/v1/features", "metrics:read", features.list_views, views.ViewPage, eg.VIEWS),
    Route(
        "GET", "/v1/features/{view}/{entity_id}", "catalog:write", features.get_feature, views.FeatureOut, eg.FEATURE,
        params=views.FeatureParams, errors=(404,), given=_FEATURE,
    ),
    Route(
        "POST", "/v1/features:read", "catalog:write", features.read_features, views.FeaturesOut, eg.FEATURES,
        body=views.FeaturesIn, errors=(404,), sent=eg.FEATURES_BODY,
    ),
)  # fmt: skip

_ALIAS: Final[Json] = {"params": ops.AliasParams, "given": {"alias": "champion"}}
_OLD_ALIAS: Final[Json] = {**eg.ALIAS, "version": 6, "serving": "ease@6"}

MODEL_ROUTES: Final = _group(
    "models",
    Route("GET", "/v1/models", "metrics:read", operations.list_versions, ops.VersionPage, eg.page(eg.VERSION), **_PAGE),
    Route(
        "GET", "/v1/models/{name}/versions/{version}", "metrics:read", operations.get_version, ops.VersionDetail,
        {**eg.VERSION, "lineage": eg.LINEAGE, "manifest": {"format": 1}},
        params=ops.VersionParams, errors=(404,), tagged=True, given={"name": "ease", "version": 7},
    ),
    Route("GET", "/v1/aliases", "metrics:read", operations.list_aliases, ops.AliasPage, eg.page(eg.ALIAS)),
    Route(
        "POST", "/v1/aliases/{alias}:rollback", "admin", operations.roll_back, ops.AliasOut, _OLD_ALIAS,
        errors=(404, 409), **_ALIAS,
    ),
    Route(
        "GET", "/v1/aliases/{alias}", "metrics:read", operations.get_alias, ops.AliasOut, eg.ALIAS,
        errors=(404,), tagged=True, **_ALIAS,
    ),
    Route(
        "PUT", "/v1/aliases/{alias}", "admin", operations.put_alias, ops.AliasOut, eg.ALIAS,
        body=ops.AliasIn, errors=(404, 409), sent={"model": "ease", "version": 7}, **_ALIAS,
    ),
    Route("DELETE", "/v1/aliases/{alias}", "admin", operations.delete_alias, status=204, errors=(404,), **_ALIAS),
)  # fmt: skip

_RULE: Final[Json] = {"params": ruled.RuleParams, "given": {"rule_name": "winter-sale"}}

RULE_ROUTES: Final = _group(
    "rules",
    Route("GET", "/v1/rules", "metrics:read", rules.list_rules, ruled.RulePage, eg.page(eg.RULE)),
    Route(
        "POST", "/v1/rules:preview", "admin", rules.preview_rule, ruled.PreviewOut, eg.PREVIEW,
        body=ruled.PreviewIn, errors=(409,), sent={"rule": eg.RULE_BODY, "user_ids": ["user_123"], "n": 2},
    ),
    Route(
        "GET", "/v1/rules/{rule_name}", "metrics:read", rules.get_rule, ruled.RuleOut, eg.RULE,
        errors=(404,), tagged=True, **_RULE,
    ),
    Route(
        "PUT", "/v1/rules/{rule_name}", "admin", rules.put_rule, ruled.RuleOut, eg.RULE,
        body=ruled.RuleBody, errors=(409,), sent=eg.RULE_BODY, **_RULE,
    ),
    Route("DELETE", "/v1/rules/{rule_name}", "admin", rules.delete_rule, status=204, errors=(404,), **_RULE),
    Route(
        "GET", "/v1/rules/{rule_name}/history", "metrics:read", rules.rule_history, ruled.RuleHistory, eg.RULE_HISTORY,
        errors=(404,), **_RULE,
    ),
)  # fmt: skip

RESULT_ROUTES: Final = _group(
    "experiments",
    Route(
        "GET", "/v1/experiments/{experiment}/results", "metrics:read", results.results, Results, shown.RESULTS,
        params=ResultParams, errors=(404, 409), given={"experiment": "more-variety"},
    ),
    Route(
        "GET", "/v1/experiments/{experiment}/standing", "metrics:read", results.standing, Standing, shown.STANDING,
        params=trials.ExperimentParams, errors=(404, 409), given={"experiment": "rankers"},
    ),
    Route(
        "POST", "/v1/sample-size", "metrics:read", results.sample_size, SizeOut, shown.SIZE,
        body=SizeIn, sent={"base": 0.05, "lift": 0.08, "per_day": 4000},
    ),
)  # fmt: skip

_TRIAL: Final[Json] = {"params": trials.ExperimentParams, "given": {"experiment": "variety"}}
_RUNS: Final[Json] = {**te.EXPERIMENT, "state": "running", "phase": 1, "started_at": eg.AT, "phase_started_at": eg.AT}

EXPERIMENT_ROUTES: Final = _group(
    "experiments",
    Route(
        "GET", "/v1/experiments", "metrics:read", experiments.list_experiments, trials.ExperimentPage, eg.page(te.EXPERIMENT)
    ),
    Route(
        "POST", "/v1/experiments", "admin", experiments.create_experiment, trials.ExperimentOut, te.EXPERIMENT,
        body=trials.ExperimentIn, status=201, errors=(409,), sent=te.EXPERIMENT_BODY,
    ),
    Route(
        "POST", "/v1/experiments:check", "admin", experiments.check_experiment, trials.ExperimentOut, te.EXPERIMENT,
        body=trials.ExperimentIn, errors=(409,), sent=te.EXPERIMENT_BODY,
    ),
    Route(
        "POST", "/v1/experiments/{experiment}:start", "admin", experiments.start_experiment, trials.ExperimentOut, _RUNS,
        body=trials.Signed, errors=(404, 409), sent={"by": "ann"}, **_TRIAL,
    ),
    Route(
        "POST", "/v1/experiments/{experiment}:ramp", "admin", experiments.ramp_experiment, trials.ExperimentOut, _RUNS,
        body=trials.RampIn, errors=(404, 409), sent={"coverage": 0.5, "by": "ann"}, **_TRIAL,
    ),
    Route(
        "POST", "/v1/experiments/{experiment}:phase", "admin", experiments.new_phase, trials.ExperimentOut,
        {**_RUNS, "phase": 2, "seed": "variety:2"}, body=trials.PhaseIn, errors=(404, 409),
        sent={"arms": te.EXPERIMENT_BODY["arms"], "why": "a bug was mended", "by": "ann"}, **_TRIAL,
    ),
    Route(
        "POST", "/v1/experiments/{experiment}:stop", "admin", experiments.stop_experiment, trials.ExperimentOut,
        {**_RUNS, "state": "stopped", "stopped_at": eg.AT, "verdict": "varied is shipped"}, body=trials.StopIn,
        errors=(404, 409), sent={"verdict": "varied is shipped", "by": "ann"}, **_TRIAL,
    ),
    Route(
        "GET", "/v1/experiments/{experiment}", "metrics:read", experiments.get_experiment, trials.ExperimentOut,
        te.EXPERIMENT, errors=(404,), tagged=True, **_TRIAL,
    ),
    Route(
        "PATCH", "/v1/experiments/{experiment}", "admin", experiments.edit_experiment, trials.ExperimentOut, te.EXPERIMENT,
        body=trials.ExperimentPatch, errors=(404, 409), sent={"owner": "ann"}, **_TRIAL,
    ),
    Route(
        "GET", "/v1/experiments/{experiment}/history", "metrics:read", experiments.experiment_history,
        trials.ExperimentHistory, te.EXPERIMENT_HISTORY, errors=(404,), **_TRIAL,
    ),
    Route(
        "GET", "/v1/experiments/{experiment}/assignments/{user_id}", "metrics:read", experiments.get_assignment, Assignment,
        te.ASSIGNMENT, errors=(404,), params=trials.UnitParams, given={"experiment": "variety", "user_id": "user_123"},
    ),
)  # fmt: skip

_JOB: Final[Json] = {"params": ops.JobParams, "given": {"job_id": eg.JOB["job_id"]}}

JOB_ROUTES: Final = _group(
    "jobs",
    Route("GET", "/v1/jobs", "metrics:read", operations.list_jobs, ops.JobPage, eg.page(eg.JOB), **_PAGE),
    Route(
        "POST", "/v1/jobs", "admin", operations.start_job, ops.JobOut, eg.JOB,
        body=ops.JobIn, status=202, errors=(409,), sent={"kind": "train"},
    ),
    Route(
        "GET", "/v1/jobs/{job_id}", "metrics:read", operations.get_job, ops.JobOut, eg.JOB,
        errors=(404,), tagged=True, **_JOB,
    ),
    Route(
        "DELETE", "/v1/jobs/{job_id}", "admin", operations.cancel_job, ops.JobOut, {**eg.JOB, "state": "cancelled"},
        errors=(404, 409), **_JOB,
    ),
)  # fmt: skip

QUALITY_ROUTES: Final = _group(
    "quality",
    Route(
        "GET", "/v1/quality", "metrics:read", quality.quality, QualityOut, eg.QUALITY,
        params=QualityParams, given={"surface": "home", "window": "24h"},
    ),
)  # fmt: skip

_WHY: Final[Json] = {"user_id": "user_123", "surface": "home", "n": 2}

CACHE_ROUTES: Final = _group(
    "cache",
    Route("GET", "/v1/cache", "admin", cache.stats, kept.CacheOut, eg.CACHE),
    Route(
        "GET", "/v1/cache/why", "admin", cache.why, ListStanding, eg.STANDING,
        params=kept.WhyParams, errors=(404,), given=_WHY,
    ),
    Route(
        "POST", "/v1/cache:clear", "admin", cache.clear, kept.ClearedOut, eg.CLEARED, body=kept.ClearIn,
        sent={"user_id": "user_123"},
    ),
    Route(
        "POST", "/v1/cache:warm", "admin", cache.warm, "application/x-ndjson", body=kept.WarmIn,
        sent={"user_ids": ["user_123"]},
    ),
)  # fmt: skip

_READY: Final[Json] = {"ready": True, "position": 1044, "aliases": {"champion": "ease@7"}, "degraded": []}

_PART: Final[Json] = {"params": ops.FileParams, "errors": (404,), "tagged": True, "given": {"file": "explorer"}}

SYSTEM_ROUTES: Final = _group(
    "system",
    Route("GET", "/v1/system", "metrics:read", system.system, ops.System, eg.SYSTEM),
    Route("GET", "/v1/config", "admin", system.configuration, ops.Configuration, eg.CONFIGURATION),
    Route("GET", "/healthz", None, system.health, ops.Health, _HEALTHY),
    Route("GET", "/readyz", None, system.ready, ops.Readiness, _READY),
    Route("GET", "/metrics", "metrics:read", system.metrics, "text/plain"),
    Route("GET", "/openapi.json", None, system.openapi, Json),
    Route("GET", "/docs", None, docs.page, "text/html"),
    Route("GET", "/docs/problems", None, docs.problems, "text/html"),
    Route("GET", "/docs/{file}", None, docs.file, "*/*", params=ops.FileParams, errors=(404,), given={"file": "start.js"}),
    Route("GET", "/ui", None, dashboard.entrance, status=308),
    Route("GET", "/ui/", None, dashboard.home, "text/html"),
    Route(
        "GET",
        "/ui/{file}",
        None,
        dashboard.file,
        "*/*",
        params=ops.FileParams,
        errors=(404,),
        tagged=True,
        given={"file": "explorer"},
    ),
)

WATCH: Final = tuple(route for route in SYSTEM_ROUTES if route.path in ("/healthz", "/readyz", "/metrics"))
"""What a process answers that serves no lists."""

ROUTES: Final = (
    SIMPLE
    + RECOMMENDATIONS
    + EVENT_ROUTES
    + ITEM_ROUTES
    + USER_ROUTES
    + FEATURE_ROUTES
    + MODEL_ROUTES
    + RULE_ROUTES
    + RESULT_ROUTES
    + EXPERIMENT_ROUTES
    + JOB_ROUTES
    + QUALITY_ROUTES
    + CACHE_ROUTES
    + SYSTEM_ROUTES
)
