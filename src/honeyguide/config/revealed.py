"""Settings with their secrets, for a process of the same system; never for a person, a log or a command line."""

import json
from typing import Any

from pydantic import SecretStr

from honeyguide.config.settings import Settings


def revealed(settings: Settings) -> bytes:
    """JSON that `Settings.model_validate_json` reads back whole."""
    return json.dumps(settings.model_dump(), default=_plain).encode()


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
