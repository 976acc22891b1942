"""Results as data frames, for notebooks."""

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from honeyguide.experiments.plan import Measured, Point, Results


def metrics_frame(results: Results) -> pl.DataFrame:
    """One row per metric and treatment: values, difference, lift, their intervals, p-values, beliefs, standing."""
    return _frame(results.metrics, Measured)


def daily_frame(results: Results) -> pl.DataFrame:
    """One row per metric, treatment and day: the lift of the units that came in up to then."""
    return _frame(results.daily, Point)


def segments_frame(results: Results) -> pl.DataFrame:
    """One row per metric, treatment and segment."""
    return _frame(results.segments, Point)


def gates_frame(results: Results) -> pl.DataFrame:
    """One row per gate."""
    rows = [msgspec.to_builtins(gate) for gate in results.gates]
    schema = {"name": pl.String, "state": pl.String, "detail": pl.String, "p": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _frame(rows: Sequence[msgspec.Struct], kind: type[msgspec.Struct]) -> pl.DataFrame:
    """A frame with the fields of the struct as columns, typed also where there are no rows."""
    schema: dict[str, Any] = {
        field.name: pl.Float64 if "float" in str(field.type) else pl.String for field in msgspec.structs.fields(kind)
    }
    return pl.DataFrame([msgspec.structs.asdict(row) for row in rows], schema=schema, orient="row")
