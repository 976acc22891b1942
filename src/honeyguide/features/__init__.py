"""What is known of items and users at the moment of a request."""

from honeyguide.features.item_block import ItemBlock

__all__ = ["ItemBlock"]
