"""Examples of experiments, as the document shows them."""

from typing import Any, Final

from honeyguide.api.examples import AT

Json = dict[str, Any]

EXPERIMENT_BODY: Final[Json] = {
    "name": "variety",
    "surface": "home",
    "hypothesis": "lists of more kinds are clicked more",
    "arms": [
        {"name": "control", "weight": 0.5},
        {"name": "varied", "weight": 0.5, "changes": {"diversity": {"strength": 0.4}}},
    ],
    "coverage": 0.1,
    "goals": ["ctr"],
    "guardrails": [{"metric": "conversion", "margin": 0.02}],
    "by": "ann",
}
EXPERIMENT: Final[Json] = {
    "name": "variety",
    "kind": "ab",
    "state": "draft",
    "phase": 0,
    "surface": "home",
    "arms": [{"name": "control", "weight": 0.5}, EXPERIMENT_BODY["arms"][1]],
    "hypothesis": "lists of more kinds are clicked more",
    "owner": "",
    "unit": "user",
    "coverage": 0.1,
    "hash_version": 2,
    "seed": "variety",
    "layer": "",
    "range": [0.0, 1.0],
    "holdout": False,
    "targeting": "",
    "forced": {},
    "sticky": False,
    "interleave": "team_draft",
    "bandit": None,
    "goals": ["ctr"],
    "guardrails": [{"metric": "conversion", "margin": 0.02}],
    "watched": [],
    "alpha": 0.05,
    "planned_units": 10_000,
    "engine": "always-valid",
    "looks": 1,
    "min_days": 7,
    "period": 0,
    "revision": 1,
    "verdict": "",
    "created_at": AT,
    "changed_at": AT,
    "started_at": None,
    "phase_started_at": None,
    "period_started_at": None,
    "stopped_at": None,
    "starts_at": None,
    "ends_at": None,
    "warnings": [],
}
EXPERIMENT_HISTORY: Final[Json] = {
    "items": [{"change": "created", "changed_at": AT, "changed_by": "ann", "why": "", "experiment": EXPERIMENT}],
    "next_cursor": None,
}
ASSIGNMENT: Final[Json] = {
    "experiment": "variety",
    "phase": 1,
    "state": "running",
    "unit": "user",
    "unit_id": "user_123",
    "enrolled": True,
    "because": "by hash",
    "arm": "varied",
    "reason": "hash",
    "weight": 0.5,
    "kept": None,
}
