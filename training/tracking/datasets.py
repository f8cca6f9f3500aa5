"""What a run learned from and was measured on, as MLflow's datasets: name, digest, source, schema and profile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag

from training.tracking.flavor import schema_of

Context = Literal["train", "calibrate", "test"]


@dataclass(frozen=True, eq=False)
class Logged:
    """A block of examples. ``frame``: features and answers; ``profile``: figures of it, shown on the run's page.

    ``source``: what it was made from, as text by name: no address of a database, which may hold a password.
    """

    name: str
    context: Context
    frame: pd.DataFrame
    source: Mapping[str, str]
    profile: Mapping[str, object]

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of the content, whatever its source."""
        seen = hashlib.blake2b(digest_size=6)
        for name in self.frame.columns:
            seen.update(str(name).encode())
            seen.update(np.ascontiguousarray(pd.util.hash_array(_plain(self.frame[name]))).tobytes())
        return seen.hexdigest()

    def entity(self) -> DatasetInput:
        schema = json.dumps({"mlflow_colspec": schema_of(self.frame).to_dict()})
        profile = {"num_rows": len(self.frame), "num_elements": int(self.frame.size), **self.profile}
        dataset = Dataset(
            name=self.name,
            digest=self.digest,
            source_type="code",  # the kind that mlflow.data can read back and whose source is free text
            source=json.dumps({"tags": dict(self.source)}),
            schema=schema,
            profile=json.dumps(profile),
        )
        return DatasetInput(dataset, [InputTag("mlflow.data.context", self.context)])


def _plain(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """Numbers as they are; texts as objects, missing ones as None."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy()
