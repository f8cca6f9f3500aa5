"""What lies beside a scorer's files so that MLflow can open it: how to load it, what it takes and gives, an example."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import Any

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.models.model import Model
from mlflow.types.schema import ColSpec, DataType, Schema

LOADER = "training.pyfunc"
EXAMPLE, SERVED_EXAMPLE = "input_example.json", "serving_input_example.json"


@dataclass(frozen=True, eq=False)
class Example:
    """Some rows that the model takes, and its answers to them, which the signature is made from."""

    takes: pd.DataFrame
    gives: pd.DataFrame

    @property
    def signature(self) -> ModelSignature:
        """Every column is required; numbers are doubles, which may be missing, all else is text."""
        return ModelSignature(inputs=schema_of(self.takes), outputs=schema_of(self.gives))


def schema_of(frame: pd.DataFrame) -> Schema:
    """Name and type of each column."""
    return Schema([ColSpec(_kind(frame[name]), str(name)) for name in frame.columns])


def _kind(column: pd.Series[Any]) -> DataType:
    return DataType.double if pd.api.types.is_numeric_dtype(column.dtype) else DataType.string


def flavor_files(folder: str, run_id: str, example: Example | None) -> dict[str, bytes]:
    """``MLmodel`` and the example as a frame and as ``mlflow models serve`` is sent it: JSON, as MLflow writes them.

    Written as mlflow.pyfunc.add_to_model does, without that module's seconds of import.
    """
    model = Model(artifact_path=folder, run_id=run_id)
    model.add_flavor("python_function", loader_module=LOADER, data=".", python_version=platform.python_version())
    files = {}
    if example is not None:
        split = json.loads(example.takes.to_json(orient="split", index=False, double_precision=15))
        files = {EXAMPLE: _json(split), SERVED_EXAMPLE: _json({"dataframe_split": split})}
        model.signature = example.signature
        model.saved_input_example_info = {
            "artifact_path": EXAMPLE,
            "type": "dataframe",
            "pandas_orient": "split",
            "serving_input_path": SERVED_EXAMPLE,
        }
    return {**files, "MLmodel": model.to_yaml().encode()}


def _json(content: object) -> bytes:
    return json.dumps(content, allow_nan=False).encode()
