"""Settings for another process of the same system."""

from pathlib import Path

from pydantic import SecretStr

from honeyguide.config import Settings, revealed
from honeyguide.config.settings import Auth, Cache, Events, EventType, Project, Redis, Surface


def test_settings_come_back_whole() -> None:
    settings = Settings(
        project=Project(data_dir=Path("/some where/data")),
        auth=Auth(key=SecretStr("long \u2603 secret")),
        redis=Redis(url="redis://:password@host:1/0"),
        cache=Cache(ttl=0.25),
        events=Events(types={"like": EventType(weight=3)}),
        surfaces=[Surface(name="cart", exclude=["purchase"])],
    )
    assert Settings.model_validate_json(revealed(settings)) == settings
    assert Settings.model_validate_json(revealed(Settings())) == Settings()
