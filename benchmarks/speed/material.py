"""A model fitted with the defaults on simulated leads, and the rows of its newest block."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.speed.ways import Model
from features.catalogue import expand
from features.events import DAY, parse_time
from features.history import History
from features.lives import BOUGHT, GONE
from features.tables import read_tables
from model.examples import calendar_split
from model.person_period import TimeCovariates

END = "2026-11-01"


def prepare(folder: Path, leads: int) -> None:
    """Simulate, fit, and keep the model and the rows of the newest block."""
    from model.hazard import PurchaseHazard  # noqa: PLC0415  # the processes that are timed have no need of it

    folder.mkdir(parents=True, exist_ok=True)
    simulate = [sys.executable, "-m", "features.simulate", str(folder / "data"), "--leads", str(leads), "--seed", "1"]
    subprocess.run([*simulate, "--end", END], check=True)
    now = parse_time(END + "T00:00:00Z")
    history = History.from_table(read_tables(folder / "data", now=now + 365 * DAY).events)
    split = calendar_split(history, known_by=now, longest=90)
    catalogue = expand(history, split.test_since)
    train = split.train(history).with_features(history, catalogue)
    test = split.test(history).with_features(history, catalogue)
    hazard = PurchaseHazard().fit(train.features, train.y, groups=train.group, as_of=train.as_of)
    state = {
        "n_features": len(hazard.columns_.names),
        "texts": [hazard.texts_[ending] for ending in (BOUGHT, GONE)],
        "time": hazard.time_.to_json(),
        "baseline": hazard.baseline_.tolist(),
    }
    np.savez(folder / "rows.npz", matrix=hazard.columns_.encode(test.features), as_of=test.as_of)
    (folder / "model.json").write_text(json.dumps(state), encoding="utf-8")


def load(folder: Path) -> tuple[Model, np.lib.npyio.NpzFile]:
    state = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    rows = np.load(folder / "rows.npz")
    time_ = TimeCovariates.from_json(state["time"])
    return Model(state["n_features"], state["texts"], time_, np.array(state["baseline"])), rows
