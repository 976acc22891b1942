"""What each item of a list owes its place to, as figures that add up. Only an explanation pays for them.

Its score is the largest of what its sources speak for (weight * k / (k + place - 1) each). What each item of the user's own
history adds to the serving model's score, and what the model says without any history, are together that score. Each pass
of re-ranking says by how many places it has moved the item, and so do promotions. Where a ranker has made the order, the
score is 1 / (1 + exp(-logit)), and its signals and their base add up to the logit; what it cannot judge was `placed` between
two neighbours: its score is below + (above - below) * share. Rules multiply the score that there was:
their factors make up a weight, and the score is before + |before| * (weight - 1).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from honeyguide.messages import Reason
from honeyguide.protocols import Ranker, Recipe, Request
from honeyguide.ranking.placing import placed
from honeyguide.ranking.pools import merge
from honeyguide.ranking.rules import LEAST_WEIGHT, MOST_WEIGHT, factors_of
from honeyguide.recommend.pipeline import Outcome
from honeyguide.retrieval.learned import model_history, no_history
from honeyguide.types import FloatArray, IntArray, Json, Pool

_SHOWN: Final = 50
_STRONGEST: Final = 3
_SIGNALS: Final = 5


def accounts(recipe: Recipe, request: Request, outcome: Outcome, shown: Sequence[str]) -> list[Json]:
    """One object per item of `shown` (the first 50), in its order; none for a list that no source has made."""
    pool = merge(outcome.found, len(request.items))
    places = {row: place for place, row in enumerate(pool.items.tolist())}
    made = {item.item_id: item for item in outcome.items}
    told = [item_id for item_id in shown[:_SHOWN] if request.items.number(item_id) in places and item_id in made]
    if not told:
        return []
    positions = np.array([places[request.items.number(item_id)] for item_id in told], np.int32)
    terms = recipe.scorer.terms(request, pool)[positions]
    history = _of_history(request, pool, positions)
    ranked = [{}] * len(told) if outcome.unranked else _of_ranker(recipe, request, pool, positions)
    moves = _moves(request, outcome)
    found = []
    for item_id, position, of_sources, of_history, of_ranker in zip(told, positions, terms, history, ranked, strict=True):
        account: Json = {
            "item_id": item_id,
            "score": made[item_id].score,
            "sources": _sources(pool, int(position), of_sources),
            "history": of_history,
            **of_ranker,
            **_of_rules(request, outcome, item_id),
            "moves": moves.get(item_id, {}),
        }
        found.append(account | {"reasons": list(_reasons(made[item_id].reason, account))})
    return found


def _reasons(reason: Reason, account: Json) -> Iterator[Json]:
    """The same as codes and sentences, the weightiest first."""
    yield {"code": reason.code, "text": reason.text}
    first = account["sources"][0]
    yield {"code": f"source:{first['source']}", "text": f"place {first['place']} of what the source {first['source']} found"}
    for_it = [each for each in (account["history"] or {"items": []})["items"] if each["adds"] > 0]
    if for_it:
        yield {"code": "history", "text": f"what speaks for it most: {', '.join(each['item_id'] for each in for_it)}"}
    counted = [each["signal"] for each in account.get("ranker", {"signals": []})["signals"] if each["adds"] > 0]
    if counted:
        yield {"code": "ranker", "text": f"what the ranker counts for it most: {', '.join(counted[:_STRONGEST])}"}
    if "placed" in account:
        place = account["placed"]["place"]
        yield {
            "code": "placed",
            "text": f"the ranker cannot judge it yet: put at place {place}, where the blend of sources has it",
        }
    for by in account.get("rules", {"factors": []})["factors"]:
        yield {"code": f"rule:{by['rule']}", "text": f"its score times {by['factor']:g} by the rule {by['rule']}"}
    for name, move in account["moves"].items():
        way, places = ("up" if move > 0 else "down"), "place" if abs(move) == 1 else "places"
        yield {"code": f"moved:{name}", "text": f"moved {way} {abs(move)} {places} by {name}"}


def _sources(pool: Pool, position: int, terms: FloatArray) -> list[Json]:
    """The sources that found an item, the decisive one first: its place there (from 1), its score, what that is worth."""
    found = [
        {"source": name, "place": int(rank) + 1, "score": score if score == score else None, "speaks_for": round(term, 6)}
        for name, rank, score, term in zip(
            pool.sources, pool.ranks[position].tolist(), pool.scores[position].tolist(), terms.tolist(), strict=True
        )
        if rank == rank
    ]
    return sorted(found, key=lambda each: -float(str(each["speaks_for"])))


def _of_history(request: Request, pool: Pool, positions: IntArray) -> list[Json | None]:
    """For each position, what adds up to the serving model's score; None where the model does not know the item."""
    told: list[Json | None] = [None] * len(positions)
    served = request.model
    if served is None or "model" not in pool.sources:
        return told
    found = np.flatnonzero(~np.isnan(pool.ranks[positions, pool.sources.index("model")]))
    history = model_history(served, request)
    numbers = served.numbers[pool.items[positions[found]]]
    if not len(found) or not len(history.items):
        return told
    adds = served.model.contributions(history, numbers)
    owners, owner_of = np.unique(history.items, return_inverse=True)
    totals = np.zeros((len(owners), len(found)), np.float64)
    np.add.at(totals, owner_of, adds)
    without = served.model.scores(no_history())[0][numbers]
    ids = [request.items.ids[row] for row in served.rows[owners].tolist()]
    for column, at in enumerate(found.tolist()):
        told[at] = _strongest(ids, totals[:, column], float(without[column]))
    return told


def _of_ranker(recipe: Recipe, request: Request, pool: Pool, positions: IntArray) -> list[Json]:
    """For each position, the signals that add most to the logit of the ranker's score; the rest together, what every
    candidate has, and the sum of it all; of what it cannot judge, where it was put. Empty where no ranker has made the
    order."""
    ranker = request.ranker
    if ranker is None:
        return [{}] * len(positions)
    told = ranker.contributions(request, pool, positions).astype(np.float64)
    names = ranker.names
    found: list[Json] = []
    for *adds, base in told.tolist():
        order = sorted(range(len(adds)), key=lambda at: -abs(adds[at]))[:_SIGNALS]
        strongest = [{"signal": names[at], "adds": adds[at]} for at in order]
        rest = sum(adds) - sum(adds[at] for at in order)
        found.append({"ranker": {"signals": strongest, "others": rest, "base": base, "logit": sum(adds) + base}})
    put = _placed(recipe, ranker, request, pool)
    return [put.get(position, told) for position, told in zip(positions.tolist(), found, strict=True)]


def _placed(recipe: Recipe, ranker: Ranker, request: Request, pool: Pool) -> dict[int, Json]:
    """By position, the place (from 1) that the blend gave what the ranker cannot judge, and what its score is made of."""
    put = placed(ranker.score(request, pool), recipe.scorer.score(request, pool), pool, request.items.ids)
    figures = np.stack([put.above, put.below, put.share], axis=1).astype(np.float64).tolist()
    return {
        at: {"placed": {"place": place + 1, "above": above, "below": below, "share": share}}
        for at, place, (above, below, share) in zip(put.at.tolist(), put.places.tolist(), figures, strict=True)
    }


def _of_rules(request: Request, outcome: Outcome, item_id: str) -> Json:
    """What rules made of the item's score: that of before, the factors, and the weight that these come to within bounds.
    Empty where none weighs it; `pinned` is its slot where one has put it there."""
    slot = next((slot for slot, pinned in outcome.pins if pinned == item_id), None)
    told: Json = {} if slot is None else {"pinned": slot}
    if item_id in outcome.weighed:
        before, weight = outcome.weighed[item_id]
        factors = factors_of(request, request.items.number(item_id))
        told["rules"] = {
            "score_before": before,
            "factors": [{"rule": label.partition(":")[0], "factor": factor} for label, factor in factors],
            "bounds": [LEAST_WEIGHT, MOST_WEIGHT],
            "weight": weight,
        }
    return told


def _strongest(ids: Sequence[str], adds: np.ndarray[tuple[int], np.dtype[np.float64]], without: float) -> Json:
    """The items of the history that count most, for or against; the rest together; the sum of it all."""
    order = np.argsort(-np.abs(adds), kind="stable")[:_STRONGEST].tolist()
    return {
        "items": [{"item_id": ids[at], "adds": float(adds[at])} for at in order],
        "others": float(adds.sum() - adds[order].sum()),
        "without_history": without,
        "model_score": float(adds.sum() + without),
    }


def _moves(request: Request, outcome: Outcome) -> dict[str, dict[str, int]]:
    """By item, how many places each pass, and promotions after them, have moved it up (positive) or down."""
    moves: dict[str, dict[str, int]] = {}
    before, steps = outcome.order_before, [(name, after) for name, _, after in outcome.passes]
    if request.rules.promotions:
        steps.append(("promotions", [item.item_id for item in outcome.items]))
    for name, after in steps:
        places = {item_id: place for place, item_id in enumerate(before)}
        for place, item_id in enumerate(after):
            move = places.get(item_id, len(places)) - place
            if move:
                moves.setdefault(item_id, {})[name] = move
        before = after
    return moves
