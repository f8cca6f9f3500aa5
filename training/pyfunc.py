"""How MLflow opens a registered scorer: ``mlflow.pyfunc.load_model("models:/leadtime@champion")``.

MLflow finds this module by the name written in ``MLmodel`` and calls ``_load_pyfunc``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.events import parse_time
from model.manifest import check
from model.scorer import Scorer
from training.files import read_files


@dataclass(frozen=True, eq=False)
class FeatureScorer:
    """Scores frames of features, as ``features.builder.build`` makes them."""

    scorer: Scorer

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """``p_<h>`` and ``p_lost_<h>`` for each row. A column ``as_of`` (ISO 8601) is needed beside the features."""
        as_of = model_input["as_of"].map(parse_time).to_numpy(dtype="int64")
        curves = self.scorer.curves(model_input.drop(columns="as_of"), as_of)
        bought, lost = curves.at(list(self.scorer.horizons))
        columns = {f"p_{h}": bought[:, j] for j, h in enumerate(self.scorer.horizons)}
        columns |= {f"p_lost_{h}": lost[:, j] for j, h in enumerate(self.scorer.horizons)}
        return pd.DataFrame(columns, index=model_input.index)


def _load_pyfunc(path: str) -> FeatureScorer:
    return FeatureScorer(Scorer.from_files(check(read_files(Path(path)))))
