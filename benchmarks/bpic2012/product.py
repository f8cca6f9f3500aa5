"""The product run on a folder of tables with its own commands, in a store and a registry of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.builder import Requests, build_matrix
from features.store import Store
from model.curves import Curves
from model.scorer import Scorer
from training.tracking import Tracking

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Step:
    """A command, how long it took and the most memory it held."""

    command: str
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Product:
    """Where this run's store and registry are, and the horizons it is to answer for."""

    folder: Path
    horizons: tuple[int, ...]

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "LEADTIME_DATABASE_URL": self.database_url,
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "LEADTIME_HORIZONS": ",".join(map(str, self.horizons)),
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.folder / 'leadtime.db'}"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def run(self, module: str, *arguments: str) -> Step:
        """``python -m module arguments`` in the checkout. SystemExit when it fails: it has said why itself."""
        print(f"\n$ python -m {module} {' '.join(arguments)}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=CHECKOUT, env=self._environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"python -m {module} ended with {process.returncode}")
        return Step(f"python -m {module}", time.perf_counter() - began, usage.ru_maxrss / 1024)

    def curves(self, asked: pd.DataFrame) -> Curves:
        """The whole curves behind the scores: the registered scorer on the same requests."""
        scorer = Scorer.from_files(Tracking(self.tracking_uri, model_name="leadtime").load("1"))
        with Store.open(self.database_url) as store:
            history = store.history()
        as_of = asked["as_of"].dt.as_unit("us").astype("int64").to_numpy()
        matrix = build_matrix(history, Requests(asked["lead_id"].tolist(), as_of), scorer.catalogue)
        return scorer.curves(matrix, as_of)


def check_same(scores: pd.DataFrame, curves: Curves, horizons: tuple[int, ...]) -> None:
    """AssertionError unless the score file says what the curves say."""
    wanted = curves.at(list(horizons))[0]
    for j, horizon in enumerate(horizons):
        np.testing.assert_allclose(scores[f"p_{horizon}"], wanted[:, j], atol=1e-9)
