"""The truth of simulated tables: the best curves that anybody could have drawn from them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import orjson

from features.sources.simulator import OBSERVED, WORLDS, Truth, true_curves
from features.sources.simulator.dynamics import Span
from model.curves import Curves
from training.backtest.replay import TrueCurves

PARAMETERS = "simulation.json"


def true_curves_of(folder: Path | None, longest: int) -> TrueCurves | None:
    """For tables that python -m features.simulate wrote; None for others."""
    if folder is None or not (folder / PARAMETERS).is_file():
        return None
    said = orjson.loads((folder / PARAMETERS).read_bytes())
    span = Span(date.fromisoformat(said["end"]), said["days"])
    drawn = Truth(said["leads"], said["seed"], WORLDS[said["world"]], span)
    grid = np.arange(longest + 1, dtype=np.float64)

    def curves(lead_ids: list[str], as_of: np.typing.NDArray[np.int64]) -> Curves:
        return Curves(grid, *true_curves(drawn, lead_ids, as_of, grid, given=OBSERVED))

    return curves
