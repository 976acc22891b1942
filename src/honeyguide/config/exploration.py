"""What of a list may be decided by chance."""

from typing import Annotated, Literal

from pydantic import Field

from honeyguide.config.values import Section, Share


class Exploration(Section):
    """Lists and positions that are drawn by chance, so that something is learnt of items that are not shown otherwise."""

    share: Share = Field(
        default=0.02,
        description="Share of requests whose whole list is drawn, each candidate alike; without it no other ranking can be"
        " judged from what was served.",
    )
    prior: float = Field(default=0.05, gt=0, lt=1, description="The click rate of an item of which nothing is known.")
    prior_weight: float = Field(
        default=50.0, ge=1, le=1e6, description="How many times shown that counts as, beside those that are known."
    )


class Explore(Section):
    """What of a surface's lists is drawn by chance."""

    slots: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default_factory=list, max_length=20, description="Positions, from 1, that are drawn on every request."
    )
    by: Literal["thompson", "softmax"] = Field(
        default="thompson",
        description="How: by the chance that an item's click rate is the highest, or by its score and temperature.",
    )
    temperature: float = Field(
        default=0.1,
        ge=0.001,
        le=1000,
        description="For softmax: items this share of the way from best to worst score are e times less likely.",
    )
    share: Share | None = Field(
        default=None, description="Share of requests whose whole list is drawn; where left out, exploration.share."
    )
