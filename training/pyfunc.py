"""How MLflow opens a registered scorer: ``mlflow.pyfunc.load_model("models:/leadtime@champion")``.

MLflow finds this module by the name written in ``MLmodel`` and calls ``_load_pyfunc``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import InputError
from features.events import parse_time
from features.settings import load_settings
from model.manifest import check
from model.scorer import Scorer
from training.files import read_files

AS_OF = "as_of"
_NAMED = 5  # of the missing columns; an error should be read


@dataclass(frozen=True, eq=False)
class FeatureScorer:
    """Scores frames of features, as ``features.builder.build`` makes them."""

    scorer: Scorer

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """``p_<h>`` and ``p_lost_<h>`` for each row. A column ``as_of`` (ISO 8601) is needed beside the features.

        Columns in any order; InputError for one that is missing.
        """
        _require(model_input, [*self.scorer.catalogue.names, AS_OF])
        as_of = model_input[AS_OF].map(parse_time).to_numpy(dtype="int64")
        curves = self.scorer.curves(self._typed(model_input[list(self.scorer.catalogue.names)]), as_of)
        bought, lost = curves.at(list(self.scorer.horizons))
        columns = {f"p_{h}": bought[:, j] for j, h in enumerate(self.scorer.horizons)}
        columns |= {f"p_lost_{h}": lost[:, j] for j, h in enumerate(self.scorer.horizons)}
        return pd.DataFrame(columns, index=model_input.index)

    def _typed(self, features: pd.DataFrame) -> pd.DataFrame:
        """The frame with its types again, which JSON does not keep: texts are levels, and a column may be all null."""
        levels = self.scorer.catalogue.category_dtypes
        typed: dict[Any, Any] = {}
        for name, column in features.items():
            if name in levels and not isinstance(column.dtype, pd.CategoricalDtype):
                known = column.isna() | column.isin(levels[name].categories)
                typed[name] = column.where(known, levels[name].categories[-1]).astype(levels[name])
            elif name not in levels and column.isna().all():
                typed[name] = column.astype(float)
        return features.assign(**typed)


def _require(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """InputError that names what is missing; more columns than asked for do no harm."""
    absent = [name for name in names if name not in frame.columns]
    if absent:
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        raise InputError(
            where="model input",
            expected=f"the {len(names) - 1} features of this model and {AS_OF!r} (ISO 8601)",
            got=f"no column {', '.join(map(repr, absent[:_NAMED]))}{more}",
            remedy="Build the frame with features.builder.build and this version's catalogue, or see its signature",
        )


def _load_pyfunc(path: str) -> FeatureScorer:
    trusted = load_settings().estimator.trusts
    return FeatureScorer(Scorer.from_files(check(read_files(Path(path))), trusted=trusted))
