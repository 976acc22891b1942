"""From an empty folder to a trained project: the shop is drawn, its past played and imported, the models fitted."""

import os
from typing import Final

import polars as pl

from honeyguide.config import Settings, load
from honeyguide.errors import GateNotMet, InvalidInput
from honeyguide.library import Honeyguide
from honeyguide.messages import IngestReport
from honeyguide.simulate.folder import Folder
from honeyguide.simulate.history import history
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.vocabulary import SHELVES

HISTORY_DAYS: Final = 30


def settings_of(folder: Folder) -> Settings:
    """The settings of a demo's project, with those of the environment."""
    return load(folder.config, environ=os.environ).settings


def build(folder: Folder, screen: Screen) -> tuple[Shop, pl.DataFrame]:
    """The shop, with its project filled and trained; and all events of it so far, as the log has them."""
    with screen.step("shop", "drawing the shop") as step:
        shop = folder.note.shop()
        count = int((shop.items.created_at <= folder.note.simulated).sum())
        step.say(f"{count:,} items in {len(SHELVES)} categories, {len(shop.users):,} users, seed {shop.seed}")
    with Honeyguide.open(settings_of(folder)) as hg:
        if not folder.note.filled:
            _import(hg, shop, screen)
            folder.remember(folder.note.simulated)
        with screen.step("training", "training") as step:
            try:
                report = hg.train(progress=lambda stage, share: step.working(f"training: {stage}, {share:.0%}"))
                step.say(f"{report.champion} serves: {report.reason}")
            except GateNotMet as not_met:  # what served before goes on serving, which is what a gate is for
                step.say(str(not_met))
        return shop, hg.runtime.store.log.interactions()


def _import(hg: Honeyguide, shop: Shop, screen: Screen) -> None:
    with screen.step("history", f"playing {HISTORY_DAYS} days of history") as step:
        events = history(shop, HISTORY_DAYS)
        step.say(f"{events.height:,} events of {HISTORY_DAYS} days")
    with screen.step("import", "importing items, users and events") as step:
        reports = {
            "items": hg.ingest(shop.item_rows(), "items"),
            "users": hg.ingest(shop.user_rows(), "users"),
            "events": hg.ingest(events, "events"),
        }
        for kind, report in reports.items():
            require_all(kind, report)
        step.say(", ".join(f"{report.accepted:,} {kind}" for kind, report in reports.items()))


def require_all(kind: str, report: IngestReport) -> None:
    """Raise `InvalidInput` if a row of the shop was not taken: then shop and catalogue do not fit each other."""
    if report.rejected:
        first = report.rejected[0]
        raise InvalidInput(f"{len(report.rejected)} of the shop's {kind} were rejected, the first: {first.detail}")
