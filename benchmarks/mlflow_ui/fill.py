"""A tracking database with as many runs as wanted, each with what a training leaves in it."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

import numpy as np
import pandas as pd

from training.tracking import Logged, Tracking
from training.trained import ANSWERS

FOLDS = 4
FEATURES = 330
HORIZONS = (7, 30, 90)
NIGHT = 86_400_000  # milliseconds


def fill(uri: str, runs: int) -> str:
    """Families of a training with its folds, one a night, ``runs`` in all. The experiment's id.

    The first family is written by the jobs' own code; the others are copies of its rows with their own ids, times and
    figures, for to write a thousand takes minutes.
    """
    tracking = Tracking(uri, model_name="leadtime")
    rng = np.random.default_rng(0)
    with tracking.run("2026-01-01-00000000", tags=_tags()) as parent:
        parent.log(params=_params(), metrics=_metrics(rng))
        parent.datasets([_dataset(context, rng) for context in ("train", "calibrate", "test")])
        parent.files("", {"report.html": b"<!DOCTYPE html><title>Training report</title>"})
        for number in range(1, FOLDS + 1):
            with parent.child(f"fold {number}: 2026-01-01 to 2026-02-01", tags={"kind": "fold"}) as child:
                child.log(params={"fold": number, "known_by": "2026-01-01T00:00:00Z"}, metrics=_metrics(rng))
    _copy(Path(uri.removeprefix("sqlite:///")), parent.run_id, runs // (FOLDS + 1) - 1, rng)
    return parent.experiment_id


def _metrics(rng: np.random.Generator) -> dict[str, float]:
    names = ["ibs", "ibs_aalen_johansen", "lift_top_tenth", "window_coverage", "window_width_days"]
    names += ["timing_cost_at_once", "timing_cost_fixed_delay", "psi_scores", "psi_features_max"]
    names += [f"{kind}_{h}" for kind in ("expected_over_observed", "ici") for h in HORIZONS]
    for name in ("skill", "timing_cost", *(f"auc_{h}" for h in HORIZONS)):
        names += [name, f"{name}_low", f"{name}_high"]
    return dict(zip(names, rng.random(len(names)).tolist(), strict=True))


def _params() -> dict[str, object]:
    return {f"setting_{j}": f"value {j} of a usual length" for j in range(30)}


def _tags() -> dict[str, str]:
    said = "expected over observed at 30 days 0.9921 (0.8412 to 1.1602), calibration index 0.012"
    return {"gate": "passed", "gate_reasons": "; ".join([said] * 6), "basis": "model", "signal": "signal"}


def _dataset(context: str, rng: np.random.Generator) -> Logged:
    names = [f"account_intensity_section_{j}_20d" for j in range(FEATURES)]
    features = pd.DataFrame(rng.random((20, FEATURES)), columns=names)
    frame = features.assign(**dict.fromkeys(ANSWERS, 1.0))
    return Logged(
        name=f"leads to {context} on",
        context=context,  # type: ignore[arg-type]  # one of the three
        frame=frame,
        source={"mlflow.source.name": "training.train", "known_by": "2026-01-01T00:00:00Z"},
        named=ANSWERS,
        profile={"leads": 20, "purchased": 5, "lost": 5, "censored": 10},
    )


def _copy(database: Path, parent: str, times: int, rng: np.random.Generator) -> None:
    """The rows of a run and its children so many times again."""
    with sqlite3.connect(database) as db:
        family = [parent, *(row[0] for row in db.execute(
            "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId' AND value = ?", (parent,)))]  # fmt: skip
        inputs = db.execute("SELECT * FROM inputs WHERE destination_id = ?", (parent,)).fetchall()
        tables = {
            table: {run: db.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (run,)).fetchall() for run in family}
            for table in ("runs", "metrics", "latest_metrics", "params", "tags")
        }
        columns = {
            table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in (*tables, "inputs")
        }
        for night in range(1, times + 1):
            ids = {run: uuid.uuid4().hex for run in family}
            for table, of_run in tables.items():
                rows = [
                    _changed(dict(zip(columns[table], row, strict=True)), table, ids, night, rng)
                    for run in family
                    for row in of_run[run]
                ]
                _insert(db, table, rows)
            named = [dict(zip(columns["inputs"], row, strict=True)) for row in inputs]
            _insert(
                db, "inputs", [{**row, "input_uuid": uuid.uuid4().hex, "destination_id": ids[parent]} for row in named]
            )


def _changed(
    row: dict[str, object], table: str, ids: dict[str, str], night: int, rng: np.random.Generator
) -> dict[str, object]:
    row["run_uuid"] = ids[str(row["run_uuid"])]
    for name in ("start_time", "end_time", "timestamp"):
        if name in row:
            row[name] = int(str(row[name])) + night * NIGHT
    if table in {"metrics", "latest_metrics"}:
        row["value"] = rng.random()
    elif table == "tags" and row["key"] == "mlflow.parentRunId":
        row["value"] = ids[str(row["value"])]
    elif table == "runs":
        row["artifact_uri"] = f"{row['artifact_uri']}-{night}"
    return row


def _insert(db: sqlite3.Connection, table: str, rows: list[dict[str, object]]) -> None:
    if rows:
        marks = ", ".join(f":{name}" for name in rows[0])
        db.executemany(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({marks})", rows)
