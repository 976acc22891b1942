"""The settings of re-ranking: how varied a surface's lists are."""

from typing import Literal

from pydantic import Field

from honeyguide.config.values import Section, Share


class Diversity(Section):
    """What a surface does after scoring to make its lists varied. Each part gives up some relevance and says how much."""

    method: Literal["none", "mmr", "dpp"] = Field(
        default="none", description="How items that are unlike each other are preferred: mmr, dpp, or not at all."
    )
    strength: Share = Field(
        default=0.3, description="How much unlikeness counts against relevance: 0 is relevance alone, 1 unlikeness alone."
    )
    window: int = Field(
        default=10,
        ge=2,
        le=500,
        description="With mmr: items are compared with each other in so many consecutive positions.",
    )
    candidates: int = Field(default=300, ge=10, le=1000, description="The best candidates that re-ranking chooses from.")
    positions: int = Field(default=50, ge=1, le=500, description="The first positions that are filled in this way.")


class Cap(Section):
    """Most items with the same value of an attribute in a stretch of the list."""

    of: str = Field(description="The attribute: category (the main one), price, or properties.NAME.")
    most: int = Field(default=3, ge=1, le=500, description="Most items with the same value.")
    window: int = Field(default=10, ge=2, le=500, description="In so many consecutive positions.")
    bands: list[float] = Field(
        default_factory=list,
        description="Limits between bands of price or of a property that is a number: [20, 50] makes three.",
    )
