"""What each field of a request takes, said once: in error messages, and as limits and words in the OpenAPI document.

Names mean the same everywhere, so the table goes by name; `Type.name` is the exception to a name.
"""

import difflib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from honeyguide.types import MAX_ID_BYTES, MAX_N


class FieldRule(NamedTuple):
    """`takes` completes the sentence "`n` is ..."; `limits` are JSON Schema keywords."""

    takes: str
    limits: dict[str, Any] = {}  # noqa: RUF012  read only


def _id(of: str) -> FieldRule:
    return FieldRule(f"{of}: text of 1 to {MAX_ID_BYTES} bytes without NUL", _ID_LIMITS)


_ID_LIMITS: Final = {"minLength": 1, "maxLength": MAX_ID_BYTES}
_STRANGER: Final = FieldRule(
    f"the id of a user: text of up to {MAX_ID_BYTES} bytes without NUL; leave it out for a stranger",
    {"maxLength": MAX_ID_BYTES},
)
_FLAG: Final = "true or false"
_NAME: Final = {"minLength": 1, "maxLength": 64}
_SHARE: Final = {"minimum": 0, "maximum": 1}

FIELDS: Final[dict[str, FieldRule]] = {
    "user_id": _id("the id of a user"),
    "RecommendIn.user_id": _STRANGER,
    "RecommendParams.user_id": _STRANGER,
    "SimilarParams.user_id": _STRANGER,
    "RankIn.user_id": _STRANGER,
    "prefix": FieldRule("what their ids begin with"),
    "ItemsParams.item_id": FieldRule("ids of items, up to 1000", {"maxItems": 1000}),
    "into": _id("the id of the user that this one turned out to be, by which both go from now on"),
    "item_id": _id("the id of an item"),
    "event_id": _id("the sender's id of the event, by which a repetition is noticed"),
    "request_id": _id("the id of the slate that this is about"),
    "session_id": _id("the id of a session"),
    "device_id": _id("the id of a device"),
    "RecommendIn.arms": FieldRule(
        "the arms of experiments to look at: an object from the name of an experiment to that of its arm"
    ),
    "SimilarUsersParams.n": FieldRule(f"how many users: a whole number from 1 to {MAX_N}", {"minimum": 1, "maximum": MAX_N}),
    "n": FieldRule(f"how many items: a whole number from 1 to {MAX_N}", {"minimum": 1, "maximum": MAX_N}),
    "limit": FieldRule("how many on a page: a whole number from 1 to 1000", {"minimum": 1, "maximum": 1000}),
    "cursor": FieldRule("the next_cursor of the page before, unchanged", {"minLength": 1, "maxLength": 4096}),
    "offset": FieldRule(
        f"how many items at the beginning to skip: a whole number from 0 to {MAX_N}", {"minimum": 0, "maximum": MAX_N}
    ),
    "shown": FieldRule("what earlier pages have shown, as a cursor carries it; send the cursor instead"),
    "surface": FieldRule("the name of a configured surface, such as home", _NAME),
    "type": FieldRule("a declared event type, such as view, click or purchase", _NAME),
    "ts": FieldRule("a time: milliseconds since 1970-01-01 UTC, or ISO 8601 such as 2025-01-31T12:00:00Z"),
    "created_at": FieldRule("a time: milliseconds since 1970-01-01 UTC, or ISO 8601 such as 2025-01-31T12:00:00Z"),
    "value": FieldRule("a number: stars of a rating, money of a purchase, seconds of a view"),
    "quantity": FieldRule("a number: how many pieces"),
    "properties": FieldRule("a small JSON object"),
    "context": FieldRule("a small JSON object about the moment of asking"),
    "filters": FieldRule("an object with category, exclude_category, price, properties; in the simple API a condition, too"),
    "filter": FieldRule('a condition such as item.price < 50 and "shoes" in item.categories', {"maxLength": 8192}),
    "category": FieldRule("a category or several: every item of the answer has one of them"),
    "exclude_category": FieldRule("a category or several: no item of the answer has any of them"),
    "price": FieldRule("a number in the shop's currency, or a range {min, max} in filters"),
    "price_min": FieldRule("the lowest price: a number"),
    "price_max": FieldRule("the highest price: a number"),
    "min": FieldRule("the lowest price: a number"),
    "max": FieldRule("the highest price: a number"),
    "segment": FieldRule("the name of a segment: the values of the configured attributes joined by |", {"maxLength": 512}),
    "items": FieldRule(f"ids of the items to put in order, 1 to {MAX_N}", {"minItems": 1, "maxItems": MAX_N}),
    "ListParams.name": FieldRule("popular, trending or new", {"enum": ["popular", "trending", "new"]}),
    "SessionIn.events": FieldRule("what was done in this session, oldest first, at most 200", {"maxItems": 200}),
    "candidates": FieldRule("ids of the items to choose from, at most 5000", {"maxItems": 5000}),
    "exclude": FieldRule("ids of items to leave out, at most 5000", {"maxItems": 5000}),
    "events": FieldRule("events to add to the user's history for this request only"),
    "owner": FieldRule("who answers for it, at most 128 letters", {"maxLength": 128}),
    "note": FieldRule("why it is there, at most 1000 letters", {"maxLength": 1000}),
    "enabled": FieldRule(f"{_FLAG}: whether it may be in force"),
    "revision": FieldRule("the revision that it replaces; leave it out to replace whatever is there", {"minimum": 0}),
    "PreviewIn.user_ids": FieldRule("ids of users, up to 50", {"maxItems": 50}),
    "rule": FieldRule("a rule, as it is kept under its name"),
    "window": FieldRule("a stretch of time up to now, such as 1h, 24h or 7d"),
    "since": FieldRule("a time: milliseconds since 1970-01-01 UTC, or ISO 8601 such as 2025-01-31T12:00:00Z"),
    "until": FieldRule("a time: milliseconds since 1970-01-01 UTC, or ISO 8601 such as 2025-01-31T12:00:00Z"),
    "QualityParams.surface": FieldRule("the name of a surface; left out: all of them", {"maxLength": 64}),
    "QualityParams.model": FieldRule("a model version, such as ease@7; left out: all of them", {"maxLength": 320}),
    "arm": FieldRule("an arm of an experiment on the surface; left out: all of them", {"maxLength": 320}),
    "per": FieldRule("hour or day"),
    "rule_name": FieldRule("a-z, 0-9, _ and -, at most 64, beginning with a letter", {"minLength": 1, "maxLength": 64}),
    "where": FieldRule("a condition such as item.price < 50", {"maxLength": 8192}),
    "factor": FieldRule("what scores are multiplied by: above 1 to 100 for a boost, 0.01 to below 1 to bury"),
    "slot": FieldRule("a place in the list: a whole number from 1 to 50"),
    "percent": FieldRule("the share of a promotion: a number above 0, at most 100"),
    "starts_at": FieldRule("a time: milliseconds since 1970-01-01 UTC, or ISO 8601 such as 2025-01-31T12:00:00Z"),
    "ends_at": FieldRule("a time: milliseconds since 1970-01-01 UTC, or ISO 8601 such as 2025-01-31T12:00:00Z"),
    "experiment": FieldRule("a-z, 0-9, _ and -, at most 64, beginning with a letter", _NAME),
    "ExperimentIn.name": FieldRule("a-z, 0-9, _ and -, at most 64, beginning with a letter", _NAME),
    "Arm.name": FieldRule("a-z, 0-9, _ and -, at most 64, beginning with a letter", _NAME),
    "arms": FieldRule("the arms, the control first: objects with name, weight and changes", {"minItems": 2, "maxItems": 20}),
    "weight": FieldRule("the share of the units that get the arm; those of all arms sum to 1", _SHARE),
    "changes": FieldRule("fields of the surface with other values, and rules by name with whether they are in force"),
    "coverage": FieldRule("the share of the units that take part", _SHARE),
    "unit": FieldRule("what is put into arms: user, session or device"),
    "hash_version": FieldRule("2 (GrowthBook's, steps of 0.01 %) or 60 (finer)"),
    "layer": FieldRule("the name of a layer: experiments with other ranges of it share no unit", {"maxLength": 64}),
    "range": FieldRule("the part of the layer: two numbers that rise, from 0 to 1"),
    "holdout": FieldRule(f"{_FLAG}: whether units in the control arm are in no other experiment"),
    "targeting": FieldRule("a condition such as user.properties.tier == 'gold'", {"maxLength": 8192}),
    "forced": FieldRule("arms to look at by unit: an object, at most 1000", {"maxProperties": 1000}),
    "sticky": FieldRule(f"{_FLAG}: whether units that have been exposed keep their arms in later phases"),
    "hypothesis": FieldRule("the question, at most 2000 letters", {"maxLength": 2000}),
    "goals": FieldRule("names of metrics that decide"),
    "guardrails": FieldRule("metrics that must not get worse: objects with metric and margin"),
    "watched": FieldRule("names of metrics that are only shown"),
    "interleave": FieldRule("how the lists of an interleaving become one: team_draft or probabilistic"),
    "bandit": FieldRule("how a bandit learns: an object with every, window, reward, floor, decay, least, uniform"),
    "every": FieldRule("hours from one setting of the weights to the next"),
    "Bandit.window": FieldRule("hours after which a unit's outcome is known"),
    "reward": FieldRule("bernoulli (whether) or gaussian (how much)"),
    "floor": FieldRule("the least share of an arm", _SHARE),
    "decay": FieldRule("how much less outcomes count after each period", _SHARE),
    "least": FieldRule("units of every arm before weights differ", {"minimum": 1}),
    "uniform": FieldRule("the share of the units that measures and is not learnt from", _SHARE),
    "engine": FieldRule("whether numbers hold at every look (always-valid), at one (fixed) or at some (group-sequential)"),
    "looks": FieldRule("at how many looks the numbers of group-sequential hold", {"minimum": 1, "maximum": 1000}),
    "metric": FieldRule("the name of a metric, built in or declared", _NAME),
    "margin": FieldRule("how much worse it may get, as a share of the control's value", _SHARE),
    "alpha": FieldRule("the level of the tests, such as 0.05", {"exclusiveMinimum": 0, "maximum": 0.5}),
    "planned_units": FieldRule(
        "how many units it is planned for: there always-valid intervals are narrowest", {"minimum": 2}
    ),
    "min_days": FieldRule("how many days before any decision", {"minimum": 0, "maximum": 365}),
    "verdict": FieldRule("what was decided, at most 2000 letters", {"maxLength": 2000}),
    "by": FieldRule("who decides it", {"maxLength": 128}),
    "why": FieldRule("why, at most 2000 letters", {"maxLength": 2000}),
    "ExperimentIn.kind": FieldRule("ab, bandit or interleaving"),
    "ExperimentPatch.kind": FieldRule("ab, bandit or interleaving"),
    "ExperimentIn.seed": FieldRule("what the hash is salted with; left out, one of its own", {"maxLength": 256}),
    "ExperimentPatch.seed": FieldRule("what the hash is salted with; left out, one of its own", {"maxLength": 256}),
    "PhaseIn.seed": FieldRule("what the hash is salted with; left out, one of its own", {"maxLength": 256}),
    "model": FieldRule("an alias such as champion, or name@version", {"minLength": 1, "maxLength": 128}),
    "model_name": FieldRule("an alias such as champion, or name@version", {"minLength": 1, "maxLength": 128}),
    "recipe": FieldRule("fields of the surface to change for this request, as an object"),
    "personalised": FieldRule(f"{_FLAG}: whether the user's history may be used and kept"),
    "dry_run": FieldRule(f"{_FLAG}: whether to leave no trace: no cache, no slate"),
    "explain": FieldRule(f"{_FLAG}: whether to add the trace of how the list came about"),
    "explore": FieldRule(f"{_FLAG}: whether chance may decide positions of the list"),
    "seed": FieldRule("a whole number from 0 to 4294967295", {"minimum": 0, "maximum": 2**32 - 1}),
    "title": FieldRule("text"),
    "categories": FieldRule("a list of texts, the main category first"),
    "image_url": FieldRule("the address of a picture"),
    "url": FieldRule("the address of the item's page"),
    "available": FieldRule(f"{_FLAG}: whether it can be had now"),
    "hidden": FieldRule(f"{_FLAG}: whether it must not be shown"),
    "vector": FieldRule("a list of finite numbers that describe the content"),
    "queries": FieldRule("a list of 1 to 100 queries", {"minItems": 1, "maxItems": 100}),
    "kind": FieldRule("the kind of job (train), or of rule (filter, boost, bury, pin, promote)"),
    "models": FieldRule("names of models to train; leave it out for those of the configuration"),
    "budget": FieldRule("time for a search of the best model and its hyper-parameters, such as 10m; 0s searches nothing"),
    "version": FieldRule("the number of a version", {"minimum": 1}),
    "name": FieldRule("the name of a model", _NAME),
    "alias": FieldRule("the name of an alias: a-z, 0-9, _ and -, beginning with a letter", _NAME),
    "anyway": FieldRule(f"{_FLAG}: whether few items, or items that are not the catalogue's, are no hindrance"),
    "file": FieldRule("the name of a file of the page"),
    "job_id": _id("the id of a job"),
    "view": FieldRule("the name of a feature view, such as total_purchases", _NAME),
    "entity_id": _id("the id of a user or an item, as the view is of one or the other"),
    "views": FieldRule("names of feature views; leave it out for all"),
    "users": FieldRule("a whole number from 0 to 100000", {"minimum": 0, "maximum": 100_000}),
    "WarmIn.user_ids": FieldRule("ids of users, up to 100000", {"maxItems": 100_000}),
    "user_ids": FieldRule("ids of users, up to 1000 together with item_ids", {"maxItems": 1000}),
    "item_ids": FieldRule("ids of items, up to 1000 together with user_ids", {"maxItems": 1000}),
    "ResultParams.experiment": FieldRule("the name of an experiment", _NAME),
    "phase": FieldRule("the number of an earlier phase; leave it out for the present one", {"minimum": 1}),
    "base": FieldRule("the control's value per unit: a proportion between 0 and 1, or a mean that is not 0"),
    "SizeIn.kind": FieldRule("proportion or mean (a ratio counts as one)"),
    "deviation": FieldRule("the deviation per unit of a mean, above 0"),
    "lift": FieldRule("the relative lift to find, such as 0.08; or leave it out and give units"),
    "SizeIn.units": FieldRule("the units of all arms that there are; or leave it out and give lift"),
    "split": FieldRule("units of each treatment per one of the control, above 0"),
    "SizeIn.arms": FieldRule("how many arms there are, the control among them", {"minimum": 2, "maximum": 20}),
    "SizeIn.metrics": FieldRule("how many goals there are", {"minimum": 1, "maximum": 100}),
    "SizeIn.alpha": FieldRule("the share of false alarms that is borne, between 0 and 1"),
    "power": FieldRule("the chance to find the lift if it is there, between 0 and 1"),
    "correlation": FieldRule("that of the metric with itself before the first exposure, between -1 and 1"),
    "per_day": FieldRule("how many units come in a day, above 0"),
}


def takes(name: str) -> str:
    """What a field takes, as a sentence ("n is how many items: ..."); nothing for a field that the table lacks."""
    rule = FIELDS.get(name)
    return f"{name} is {rule.takes}." if rule else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """The sentence that helps with an unknown field: the known one most like it, or all there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Possible are {', '.join(names)}." if names else "There are none."
