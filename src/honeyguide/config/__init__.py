"""Configuration: a TOML file and the environment in, frozen `Settings` out.

`load` reads it, `settings.py` is the table, `docs/configuration.md` the reference made from the table.
"""

from honeyguide.config.check import cross_check
from honeyguide.config.fingerprint import settings_fingerprint
from honeyguide.config.load import CONFIG_FILE, LoadedConfig, load
from honeyguide.config.revealed import revealed
from honeyguide.config.settings import Settings, Surface

__all__ = ["CONFIG_FILE", "LoadedConfig", "Settings", "Surface", "cross_check", "load", "revealed", "settings_fingerprint"]
