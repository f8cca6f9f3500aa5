"""What the servers answer from: simulated leads in a log, and a model that was trained on them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from features.builder import Requests, build
from features.events import to_iso
from features.store import Store
from serving.keys import Keys
from serving.registry import Served, load

END = "2026-11-01"


@dataclass(frozen=True)
class World:
    """``env``: what every process of it needs. ``leads``: those that are open."""

    folder: Path
    env: dict[str, str]
    key: str
    leads: list[str]
    served: Served

    @property
    def url(self) -> str:
        return self.env["LEADTIME_DATABASE_URL"]


def make(folder: Path, leads: int) -> World:
    """Takes some minutes; a folder that has one already is used again."""
    folder.mkdir(parents=True, exist_ok=True)
    tracking = f"sqlite:///{folder}/mlflow.db"
    env = {
        "LEADTIME_DATABASE_URL": f"sqlite:///{folder}/leadtime.db",
        "MLFLOW_TRACKING_URI": tracking,
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if not (folder / "trained").exists():
        data = str(folder / "tables")
        run(env, "features.simulate", data, "--leads", str(leads), "--seed", "1", "--end", END)
        run(env, "features.load", data)
        run(env, "training.train", "--no-hints")
        (folder / "trained").touch()
    with Store.open(env["LEADTIME_DATABASE_URL"], migrate=True) as store:
        _, key = Keys(store).create("benchmark", ["read", "ingest"], time.time_ns() // 1000)
        found = store.lead_ids(open_only=True)
    return World(folder, env, key, found, load("leadtime", "champion", tracking))


def run(env: dict[str, str], module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], env={**os.environ, **env}, check=True)


def invocation(world: World) -> bytes:
    """A request for `mlflow models serve`: the features of one lead, as `features.builder.build` makes them."""
    now = time.time_ns() // 1000
    with Store.open(world.url) as store:
        history = store.history(world.leads[:1])
    frame = build(history, Requests(world.leads[:1], np.array([now])), world.served.scorer.catalogue)
    frame["as_of"] = to_iso(now)
    return orjson.dumps({"dataframe_split": orjson.loads(frame.to_json(orient="split"))})
