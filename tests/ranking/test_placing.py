"""Where candidates stand that a ranker cannot judge."""

import numpy as np

from honeyguide.ranking.placing import placed, unjudged
from honeyguide.ranking.pools import best_first, merge
from honeyguide.ranking.scorers import blended
from honeyguide.types import Found, Pool

IDS = [f"i{row:03}" for row in range(200)]


def pool(**found: range) -> Pool:
    return merge({name: Found(np.array(rows, np.int32)) for name, rows in found.items()}, len(IDS))


def test_only_what_nothing_else_has_brought_is_not_judged() -> None:
    made = pool(model=range(5), content=range(4, 7), new=range(6, 9), catalogue=range(12), promoted=range(8, 10))
    assert made.items[unjudged(made)].tolist() == [5, 6, 7, 8]
    assert not unjudged(pool()).any()


def test_the_first_by_content_stands_at_ten_and_the_first_new_one_at_sixty_one() -> None:
    made = pool(model=range(100), content=range(100, 120), new=range(120, 140))
    scores = np.linspace(0.1, 0.9, len(made)).astype(np.float32)  # the ranker would turn everything round
    put = placed(scores, blended(made), made, IDS)
    rows = made.items[best_first(put.scores, made.items, IDS)].tolist()
    wanted = made.items[best_first(blended(made), made.items, IDS)].tolist()
    assert [rows.index(row) for row in range(100, 140)] == [wanted.index(row) for row in range(100, 140)]
    assert rows.index(100) in range(8, 11)
    assert [row for row in rows if row < 100] == list(range(99, -1, -1))


def test_there_may_be_nothing_to_judge() -> None:
    made = pool(content=range(3))
    put = placed(np.full(3, 0.5, np.float32), blended(made), made, IDS)
    assert best_first(put.scores, made.items, IDS).tolist() == [0, 1, 2]
    assert ((put.scores > 0) & (put.scores < 1)).all()
    none = pool()
    assert not len(placed(np.empty(0, np.float32), blended(none), none, IDS).scores)
