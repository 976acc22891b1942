"""The folder of a demo: a project like any other, and a note of the shop that was drawn for it."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from honeyguide.clock import Clock
from honeyguide.config import CONFIG_FILE
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.simulate.shop import Shop, make_shop

NOTE: Final = "demo.json"
DEFAULT_ITEMS: Final = 2_000
DEFAULT_USERS: Final = 5_000
DEFAULT_SEED: Final = 2
LEAST_ITEMS: Final = 80
LEAST_USERS: Final = 20

_CONFIG: Final = """\
# The project of 'honeyguide demo': a drawn shop. 'honeyguide config show' prints all settings.

[project]
name = "demo"
data_dir = "data"

[segments]
attributes = ["country", "age_band"]

[training]
ranker_lists = 800       # of 2,000: as good here, and sooner

# Four places of the shop. docs/ranking.md and examples/surfaces say what else they could be told.

[[surfaces]]
name = "home"
recipe = "ranked"        # in the order of a ranker, which training makes where it is better than every single model
max_per_category = 3

[[surfaces]]
name = "similar"
recipe = "similar"
exclude = []
minimum = 6

[[surfaces.caps]]
of = "properties.brand"
most = 2
window = 6

[[surfaces]]
name = "cart"
exclude = ["purchase", "add_to_cart"]
invalidate = ["add_to_cart", "purchase", "hide", "dislike"]
minimum = 4
ttl = "5m"

[[surfaces]]
name = "email"
exclude = ["seen"]
invalidate = ["purchase"]
ttl = "1d"

[surfaces.diversity]
method = "dpp"
strength = 0.4
popularity = 0.2
"""


@dataclass(frozen=True, slots=True)
class Note:
    """What the shop was drawn with, how far its simulated time has come (ms), and whether its past is all imported."""

    items: int
    users: int
    seed: int
    opened_at: int
    simulated: int
    filled: bool = False

    def shop(self) -> Shop:
        """The shop, the same each time."""
        return make_shop(items=self.items, users=self.users, seed=self.seed, opened_at=self.opened_at)


@dataclass(frozen=True, slots=True)
class Folder:
    """A demo's folder."""

    path: Path
    note: Note

    @property
    def config(self) -> Path:
        """The configuration of the project."""
        return self.path / CONFIG_FILE

    def configure(self, more: str) -> None:
        """Write the configuration: the demo's own, and these sections."""
        self.config.write_text(f"{_CONFIG}\n{more}", encoding="utf-8")

    def remember(self, simulated: int) -> None:
        """Write down that the past is imported, and how far simulated time has come since."""
        _write(self.path, replace(self.note, simulated=simulated, filled=True))


def open_folder(
    path: Path, clock: Clock, *, items: int | None = None, users: int | None = None, seed: int | None = None
) -> Folder:
    """The demo in `path`, or a new one in a folder that is empty or not there.

    Raises `Conflict` if the folder is something else or holds a shop of another kind, `InvalidInput` for sizes that
    are too small."""
    given = {"items": items, "users": users, "seed": seed}
    if (path / NOTE).exists():
        note = _read(path / NOTE)
        _same(path, note, given)
        return Folder(path, note)
    if path.exists() and not path.is_dir():
        raise Conflict(f"{path} is no folder.", cure="Name an empty or a new folder.")
    if path.exists() and any(path.iterdir()):
        raise Conflict(
            f"{path} is not empty and holds no demo.", cure="Name an empty or a new folder, or remove what is in it."
        )
    note = _new(items, users, seed, clock.now_ms())
    path.mkdir(parents=True, exist_ok=True)
    folder = Folder(path, note)
    folder.config.write_text(_CONFIG, encoding="utf-8")
    _write(path, note)
    return folder


def _write(path: Path, note: Note) -> None:
    """Replace the note in one step."""
    half = path / f"{NOTE}.new"
    half.write_text(json.dumps(asdict(note)), encoding="utf-8")
    half.replace(path / NOTE)


def _read(path: Path) -> Note:
    try:
        return Note(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise Conflict(f"{path} cannot be read: {error}.", cure="Remove its folder, or name a new one.") from None


def _new(items: int | None, users: int | None, seed: int | None, now: int) -> Note:
    items = DEFAULT_ITEMS if items is None else items
    users = DEFAULT_USERS if users is None else users
    if items < LEAST_ITEMS or users < LEAST_USERS:
        raise InvalidInput(
            f"A shop of {items} items and {users} users is too small to learn from.",
            cure=f"Take at least {LEAST_ITEMS} items and {LEAST_USERS} users.",
        )
    return Note(items, users, DEFAULT_SEED if seed is None else seed, opened_at=now, simulated=now)


def _same(path: Path, note: Note, given: dict[str, int | None]) -> None:
    held = {"items": note.items, "users": note.users, "seed": note.seed}
    if other := {name: value for name, value in given.items() if value is not None and value != held[name]}:
        wanted, is_so = (", ".join(f"{name} {values[name]}" for name in other) for values in (given, held))
        raise Conflict(f"{path} holds a shop with {is_so}, not {wanted}.", cure="Leave that out, or name a new folder.")
