"""Runs and registered versions at one tracking URI."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from features.errors import InputError, ModelUnavailable
from model.manifest import MANIFEST, TAG, check, digest_of, manifest
from training.files import read_files
from training.tracking.flavor import Example, flavor_files
from training.tracking.runs import Run, opened

EXPERIMENT = "leadtime"
SERVING = "scorer"  # what serves
MEASURED = "measured"  # what was measured: the same, without the newest block
_SQLITE = "sqlite:///"


def _quiet() -> None:
    """Leave to the user's terminal what the user can act on: not the migrations of a new tracking database."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # no warning where git is not installed
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # for files that take milliseconds
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # seconds instead of minutes until one is told
    for name in ("alembic", "mlflow.store", "mlflow.models", "mlflow.tracking"):
        logging.getLogger(name).setLevel(logging.ERROR)


class FilesMissing(ModelUnavailable):
    """The tracking server answers, and holds no such files of a version."""


class Tracking:
    """Runs and registered versions at one tracking URI. ``ModelUnavailable`` where it cannot be reached."""

    def __init__(self, uri: str, *, model_name: str) -> None:
        _quiet()
        self.uri, self.model_name = uri, model_name
        self._artifacts: str | None = None  # a tracking server decides for itself
        if uri.startswith(_SQLITE):
            folder = Path(uri.removeprefix(_SQLITE)).resolve().parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ModelUnavailable(f"cannot make {folder}: {error.strerror}; check MLFLOW_TRACKING_URI") from error
            self._artifacts = (folder / "mlartifacts").as_uri()
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._experiment = self._experiment_id()
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise ModelUnavailable(
                f"cannot use the tracking server {uri}: {_first_line(error)}; check MLFLOW_TRACKING_URI"
            ) from error

    def _experiment_id(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(EXPERIMENT, artifact_location=self._artifacts))

    @contextmanager
    def run(
        self, name: str, *, parent: Run | str | None = None, tags: Mapping[str, str] | None = None
    ) -> Iterator[Run]:
        """A run that ends FINISHED, or FAILED when the block does not come to its end (Ctrl-C: KILLED).

        ``parent``: the run that it belongs to, or its id: that of another process will do.
        """
        with opened(self.client, self._experiment, name, parent=parent, tags=tags) as run:
            yield run

    def register(
        self, run: Run, files: Mapping[str, bytes], *, tags: Mapping[str, str], example: Example | None = None
    ) -> str:
        """Log the scorer's files and register them as a new version, which is returned. No alias moves.

        The version carries the digest of the manifest of its files: loading refuses any other. ``example``: what it
        takes and gives, for its signature.
        """
        listed = manifest(files)
        run.files(SERVING, {**files, MANIFEST: listed, **flavor_files(SERVING, run.run_id, example)})
        if not self._is_registered():
            self.client.create_registered_model(self.model_name)
        version = self.client.create_model_version(
            self.model_name,
            source=f"{self.client.get_run(run.run_id).info.artifact_uri}/{SERVING}",
            run_id=run.run_id,
            tags={**tags, TAG: digest_of(listed)},
        )
        return str(version.version)

    def _is_registered(self) -> bool:
        return any(True for _ in self.client.search_registered_models(f"name = '{self.model_name}'"))

    def find(self, alias_or_version: str) -> str | None:
        """The version that an alias means, or that version itself; None where there is none."""
        try:
            if alias_or_version.isdigit():
                return str(self.client.get_model_version(self.model_name, alias_or_version).version)
            return str(self.client.get_model_version_by_alias(self.model_name, alias_or_version).version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise ModelUnavailable(f"cannot ask {self.uri} for a model: {_first_line(error)}") from error

    def _other_versions(self) -> str:
        there = sorted(int(each.version) for each in self.client.search_model_versions(f"name='{self.model_name}'"))
        if not there:
            return "Run python -m training.train first"
        return f"Name a registered version with --model {there[-1]}, or run python -m training.train for another"

    def load(self, alias_or_version: str, *, folder: str = SERVING) -> dict[str, bytes]:
        """The files of a registered scorer. ``InputError`` where there is no such version or alias, ``FilesMissing``
        where its files are gone.
        """
        version = self.find(alias_or_version)
        if version is None:
            raise InputError(
                where="model",
                expected="an alias or a version that is registered",
                got=f"{alias_or_version!r} for {self.model_name!r} at {self.uri}",
                remedy=self._other_versions(),
            )
        there = self.client.get_model_version(self.model_name, version)
        run_id = there.run_id
        missing = FilesMissing(f"there are no files in {folder}/ of version {version} at {self.uri}")
        if not run_id:  # another tool's, without a run
            raise missing
        with tempfile.TemporaryDirectory() as temporary:
            try:
                found = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=folder, dst_path=temporary)
            except (MlflowException, OSError) as error:
                if self._holds_none(run_id, folder):
                    raise missing from error
                raise ModelUnavailable(f"cannot read version {version} at {self.uri}: {_first_line(error)}") from error
            files = read_files(Path(found))
        # what was measured is for people and the gate; the digest is of what serves
        return check(files, there.tags.get(TAG, "none")) if folder == SERVING else files

    def _holds_none(self, run_id: str, folder: str) -> bool:
        """Whether the server says so; a server that does not answer says nothing."""
        try:
            return not self.client.list_artifacts(run_id, folder)
        except MlflowException as error:
            return bool(error.error_code == "RESOURCE_DOES_NOT_EXIST")  # the run itself is gone
        except OSError:
            return False


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
