"""The model in service: loaded from the MLflow registry, taken over when a new version gets the alias.

The one module of this room that imports mlflow, and only when it loads: the import takes seconds, as do those that the
scorer needs. Meanwhile the process takes events.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import orjson
from sqlalchemy.exc import SQLAlchemyError

from features.errors import InputError, LeadtimeError, ModelUnavailable
from model.manifest import NOT_OURS, TAG, check

if TYPE_CHECKING:
    from model.decision import Costs
    from model.scorer import Scorer

log = logging.getLogger("leadtime.serving")

CHECK_SECONDS = 15.0
_SQLITE = "sqlite:///"


@dataclass(frozen=True, eq=False)
class Served:
    """A scorer, the number of its version in the registry, and when that was registered (None: not known)."""

    scorer: Scorer
    registered: str
    registered_at: int | None = None

    @property
    def version(self) -> str:
        """What answers name: the scorer's own version, which files of scores carry as well."""
        return self.scorer.version or self.registered

    @cached_property
    def key(self) -> str:
        """What kept scores are found by: another model or other costs give other ones."""
        costs = orjson.dumps(asdict(self.scorer.costs), option=orjson.OPT_SORT_KEYS)
        return f"{self.registered}-{blake2b(costs, digest_size=6).hexdigest()}"


class ModelSource(Protocol):
    """Where the service takes its model from."""

    def current(self) -> Served:
        """The model to score with. ModelUnavailable when there is none."""

    def refresh(self) -> None:
        """Look now whether there is a newer one."""


class BrokenModel(ModelUnavailable):
    """The version with this number cannot be used, and never will be."""

    def __init__(self, registered: str, why: str) -> None:
        self.registered = registered
        remedy = "" if "training.train" in why else ". Train the model anew"
        super().__init__(f"model number {registered} in the registry is refused: {why}{remedy}")


class Registry:
    """The version that holds an alias, looked for again every ``every`` seconds once started.

    ``trusted``, ``costs``: of the settings, as ``Scorer.from_files`` takes them.
    """

    def __init__(
        self,
        name: str,
        alias: str,
        tracking_uri: str,
        *,
        trusted: Sequence[str] = (),
        costs: Costs | None = None,
        every: float = CHECK_SECONDS,
    ) -> None:
        self._name, self._alias, self._tracking_uri, self._every = name, alias, tracking_uri, every
        self._trusted, self._costs = trusted, costs
        self._served: Served | None = None
        self._before: Served | None = None
        self._reason = "the model is still being loaded"
        self._broken: BrokenModel | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def current(self) -> Served:
        if self._served is None:
            raise ModelUnavailable(self._reason)
        return self._served

    def start(self) -> None:
        """Load in the background, so that the process answers at once."""
        threading.Thread(target=self._watch, name="model-registry", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    @property
    def before(self) -> Served | None:
        """The version that this process served before; None when there was none."""
        return self._before

    @property
    def refused(self) -> str | None:
        """Why the version that holds the alias is not the one in service; None when it is."""
        return None if self._broken is None else str(self._broken)

    def refresh(self) -> None:
        """Take over a new version, if there is one. What fails is kept as the reason; the old version goes on."""
        with self._lock:
            try:
                served = load(
                    self._name,
                    self._alias,
                    self._tracking_uri,
                    trusted=self._trusted,
                    costs=self._costs,
                    known=self._served,
                    broken=self._broken,
                )
                if served is not self._served:
                    self._before, self._served = self._served, served
                self._broken = None
            except LeadtimeError as error:
                if self._reason != str(error):
                    log.warning("%s", error)
                self._reason = str(error)
                self._broken = error if isinstance(error, BrokenModel) else None

    def _watch(self) -> None:
        while True:
            self.refresh()
            if self._stop.wait(self._every):
                return


def earlier(models: ModelSource) -> Served | None:
    """The version in service before the current one, where the source has kept it."""
    return getattr(models, "before", None)


def load(
    name: str,
    alias: str,
    tracking_uri: str,
    *,
    trusted: Sequence[str] = (),
    costs: Costs | None = None,
    known: Served | None = None,
    broken: BrokenModel | None = None,
) -> Served:
    """The version that holds the alias; ``known`` itself when it still does. ModelUnavailable when there is none.

    ``trusted``, ``costs``: as ``Scorer.from_files`` takes them.
    BrokenModel when it cannot be used; given as ``broken`` again, it is not even fetched.
    """
    remedy = "Train one with: python -m training.train"
    if tracking_uri.startswith(_SQLITE) and not Path(tracking_uri.removeprefix(_SQLITE)).exists():
        raise ModelUnavailable(f"no model was trained yet: there is no {tracking_uri}. {remedy}")

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a log is no terminal
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # it asks again soon anyway
    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    import mlflow.artifacts  # noqa: PLC0415 - takes seconds, and only this function needs it
    from mlflow import MlflowClient  # noqa: PLC0415
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        found = client.get_model_version_by_alias(name, alias)
        version = str(found.version)
        if known is not None and known.registered == version:
            return known
        if broken is not None and broken.registered == version:
            raise broken.with_traceback(None)
        source = client.get_model_version_download_uri(name, version)
        with tempfile.TemporaryDirectory() as folder:
            place = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=tracking_uri)
            files = {
                path.name: path.read_bytes()
                for path in Path(place).iterdir()
                if path.is_file() and path.name not in NOT_OURS
            }
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise ModelUnavailable(
            f"no model {name!r} with the alias {alias!r} can be loaded from the tracking server: "
            f"{_first_line(error)}. {remedy}"
        ) from error
    try:
        scorer = _usable(check(files, found.tags.get(TAG, "none")), trusted, costs)
    except LeadtimeError as error:
        raise BrokenModel(version, str(error).rstrip(".")) from error
    except Exception as error:  # what a file of another make does to the libraries that read it cannot be foreseen
        raise BrokenModel(version, f"{type(error).__name__}: {_first_line(error)}") from error
    served = Served(scorer, version, found.creation_timestamp * 1000 if found.creation_timestamp else None)
    log.info("model %s %s (number %s in the registry) is in service", name, served.version, version)
    return served


def _usable(files: dict[str, bytes], trusted: Sequence[str], costs: Costs | None) -> Scorer:
    """The scorer of these files, ready for the first request. Any exception when it cannot score."""
    from features.builder import warm_up  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.scorer import Scorer  # noqa: PLC0415

    scorer = Scorer.from_files(files, trusted=trusted, costs=costs)
    # LightGBM keeps the number of threads for the whole process: two requests that ask for different ones at the same
    # time write past the end of a buffer and end it.
    scorer.hazard.set_params(n_jobs=1)
    warm_up(scorer.catalogue)  # before the first request has to wait for it
    scorer.hazard.warm_up()
    unknown = np.full((1, len(scorer.catalogue.names)), np.nan)
    tried = scorer.score_columns(["trial"], np.zeros(1, dtype=np.int64), unknown)
    chances = np.concatenate([tried[f"{kind}_{h}"] for kind in ("p", "p_lost") for h in scorer.horizons])
    if not (np.isfinite(chances) & (chances >= 0) & (chances <= 1)).all():
        got = ", ".join(f"{chance:g}" for chance in chances)
        raise InputError(where="model", expected="probabilities from 0 to 1", got=got)
    return scorer


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
