"""The lists that a ranker makes of its candidates, measured as those of single models are."""

import numpy as np

from honeyguide.offline.evaluation import Evaluation, Questions
from honeyguide.ranking.caps import within
from honeyguide.ranking.pools import best_first, settled
from honeyguide.train.ranker.rows import Lists
from honeyguide.train.ranker.trees import Fitted
from honeyguide.train.ranker.world import World
from honeyguide.types import LongArray


def evaluated(world: World, fitted: Fitted, lists: Lists, asked: LongArray) -> Evaluation:
    """One list for each of those who are `asked` (places in the split's users), in the ranker's order and under the
    surface's caps, on what is held out."""
    data, k, ids = world.data, world.settings.training.k, world.items.ids
    number = np.full(len(world.items), -1, np.int32)
    number[world.rows] = np.arange(len(world.rows), dtype=np.int32)
    made = np.full((len(lists), k), -1, np.int32)
    scores = fitted.booster.inplace_predict(lists.table, validate_features=False)
    for row in range(len(lists)):
        part = slice(lists.indptr[row], lists.indptr[row + 1])
        items = lists.items[part]
        ranked = items[best_first(settled(scores[part]), items, ids)]
        shown = number[ranked[within(world.surface, world.items, ranked, k)]]
        made[row, : len(shown)] = shown
    known = data.categories if (data.categories >= 0).any() else None
    users = asked.astype(np.int32)
    questions = Questions(data.split, k=k, users=users, history=world.settings.recommend.history, categories=known)
    return questions.measured(made)
