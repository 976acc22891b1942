"""The settings of re-ranking: how varied a surface's lists are."""

from typing import Literal

from pydantic import Field

from honeyguide.config.values import Duration, Section, Share


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
    likeness: Literal["categories", "content"] = Field(
        default="categories",
        description="What items are alike by: their categories, or their content ([content]: words and vectors).",
    )
    calibration: Share = Field(
        default=0.0,
        description="How much the list's mix of categories is held to that of the user's history: 0 not at all, 1 alone.",
    )
    popularity: Share = Field(
        default=0.0, description="By how much the relevance of the most popular item is lowered, of others by less."
    )
    tail: Share = Field(default=0.0, description="Least share of items that are not among the most popular ones.")
    head: Share = Field(default=0.2, description="The share of the catalogue that counts as most popular.")
    seen: Share = Field(default=0.0, description="How much of its relevance an item loses right after the user has seen it.")
    seen_for: Duration = Field(default=7200.0, gt=0, description="How long after it was seen an item still steps back.")
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
