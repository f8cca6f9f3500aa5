"""A run: what a job writes while it works, and the runs beneath it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from training.files import write_files
from training.tracking.datasets import Logged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARENT = "mlflow.parentRunId"  # how MLflow's pages know which runs belong together


@dataclass(frozen=True)
class Run:
    """A run under way. Everything may be logged in pieces; a param keeps its first value."""

    client: MlflowClient
    experiment_id: str
    run_id: str

    def log(
        self,
        *,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        step: int = 0,
    ) -> None:
        """Metrics that are not finite are left out: MLflow's pages cannot sort them. ``step``: of these metrics."""
        now = time.time_ns() // 1_000_000
        finite = {name: float(value) for name, value in (metrics or {}).items() if abs(value) < float("inf")}
        self.client.log_batch(
            self.run_id,
            metrics=[Metric(name, value, now, step) for name, value in finite.items()],
            params=[Param(name, str(value)) for name, value in (params or {}).items()],
            tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        )

    def datasets(self, logged: Sequence[Logged]) -> None:
        """What this run learned from and was measured on."""
        self.client.log_inputs(self.run_id, datasets=[each.entity() for each in logged])

    def files(self, folder: str, files: Mapping[str, bytes]) -> None:
        """``folder``: within the run's artifacts, "" for none."""
        with tempfile.TemporaryDirectory() as temporary:
            write_files(Path(temporary), files)
            self.client.log_artifacts(self.run_id, temporary, folder or None)

    @property
    def started_at(self) -> int:
        """Microseconds."""
        return int(self.client.get_run(self.run_id).info.start_time) * 1000

    def place_of(self, artifact: str) -> str:
        """The path of an artifact on this machine, or else its address."""
        root = str(self.client.get_run(self.run_id).info.artifact_uri)
        return f"{root.removeprefix('file://')}/{artifact}"

    def picture(self, name: str, figure: Figure) -> None:
        self.client.log_figure(self.run_id, figure, f"pictures/{name}.png")

    @contextmanager
    def child(self, name: str, *, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
        """A run beneath this one, which ends as ``Tracking.run`` does."""
        with opened(self.client, self.experiment_id, name, parent=self, tags=tags) as run:
            yield run


@contextmanager
def opened(
    client: MlflowClient, experiment_id: str, name: str, *, parent: Run | str | None, tags: Mapping[str, str] | None
) -> Iterator[Run]:
    """A run that ends FINISHED, or FAILED when the block does not come to its end (Ctrl-C: KILLED)."""
    beneath = {} if parent is None else {PARENT: parent if isinstance(parent, str) else parent.run_id}
    found = client.create_run(experiment_id, run_name=name, tags={**(tags or {}), **beneath})
    run = Run(client, experiment_id, found.info.run_id)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        client.set_terminated(run.run_id, status)
