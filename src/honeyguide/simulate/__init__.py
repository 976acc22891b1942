"""The synthetic shop: a world with a known truth, to try honeyguide on and to measure it against.

shop.py, people.py     what is sold, and who comes          history.py    what they did before
truth.py, shopper.py   what they click and buy, and why     reference.py  random, popularity, oracle
shoppers.py            the same over HTTP                   demo.py       all of it as one command
"""

from honeyguide.simulate.calendar import Session, arrivals
from honeyguide.simulate.history import history, owned, popularity
from honeyguide.simulate.reference import ListMaker, measure, references
from honeyguide.simulate.shop import Shop, make_shop
from honeyguide.simulate.tally import Tally

__all__ = [
    "ListMaker",
    "Session",
    "Shop",
    "Tally",
    "arrivals",
    "history",
    "make_shop",
    "measure",
    "owned",
    "popularity",
    "references",
]
