"""Conditions that indexes of the log are made for. A query that says exactly one of them is answered from its index."""

from typing import Final

HISTORY: Final = "user_id IS NOT NULL AND item_id IS NOT NULL AND type <> 'impression'"
"""Rows that are a user's history (index `log_history`)."""
BESIDE_HISTORY: Final = "user_id IS NOT NULL AND (item_id IS NULL OR type = 'impression')"
"""All other rows of a user: impressions, events without an item, changes of the user (index `log_beside_history`)."""
CHANGES: Final = "kind <> 'event'"
"""Changes of items and users (index `log_changes`)."""
