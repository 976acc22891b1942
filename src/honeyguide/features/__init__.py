"""What is known of items and users at the moment of a request: items as columns, and feature views.

A view is declared once (`config.features`); `plan` compiles views, `fold` and `state` add events to states, `read` turns a
state into values, `online` reads them while serving, `columns` holds those of items in memory.
"""

from honeyguide.features.columns import Columns
from honeyguide.features.item_block import ItemBlock
from honeyguide.features.online import FeatureReader, FeatureValue
from honeyguide.features.plan import Plan

__all__ = ["Columns", "FeatureReader", "FeatureValue", "ItemBlock", "Plan"]
