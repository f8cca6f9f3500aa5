"""Odoo's predictive lead scoring, written anew from a description of its algorithm: naive Bayes over counts.

Every field is categorical. One of them, the stage, is ordered: a won lead counts in every stage, a lost one in all
stages up to the one it reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FIRST_COUNT = 0.1  # where each count starts
FEWEST_TAGGED = 50  # a tag on fewer leads says nothing


@dataclass(frozen=True)
class NaiveBayes:
    """Counts of won and lost for each value of each field; ``tags`` is a field of many values per lead."""

    stages: tuple[str, ...]
    counts: Mapping[str, Mapping[str, tuple[float, float]]]

    @classmethod
    def fit(
        cls,
        fields: pd.DataFrame,
        stage: npt.NDArray[np.int64],
        tags: Mapping[str, npt.NDArray[np.bool_]],
        won: npt.NDArray[np.bool_],
        *,
        stages: Sequence[str],
    ) -> NaiveBayes:
        """From closed leads: ``fields`` of text columns, ``stage`` as index into ``stages``, one mask for each tag."""
        counts: dict[str, dict[str, tuple[float, float]]] = {}
        for name in fields:
            table = pd.crosstab(fields[name], won)
            table = table.reindex(columns=[True, False], fill_value=0) + FIRST_COUNT
            counts[str(name)] = {
                str(value): (float(w), float(l)) for value, (w, l) in zip(table.index, table.to_numpy(), strict=True)
            }
        counts["stage"] = {
            name: (FIRST_COUNT + float(won.sum()), FIRST_COUNT + float((~won & (stage >= i)).sum()))
            for i, name in enumerate(stages)
        }
        counts["tags"] = {
            name: (FIRST_COUNT + float((mask & won).sum()), FIRST_COUNT + float((mask & ~won).sum()))
            for name, mask in tags.items()
            if mask.sum() >= FEWEST_TAGGED
        }
        return cls(stages=tuple(stages), counts=counts)

    def score(
        self, fields: pd.DataFrame, stage: npt.NDArray[np.int64], tags: Mapping[str, npt.NDArray[np.bool_]]
    ) -> npt.NDArray[np.float64]:
        """(n,): percent, 0.01 to 99.99, that the lead is ever won. Values not seen in training are skipped."""
        prior = self.counts["stage"][self.stages[0]]
        # in logarithms, since many small factors would vanish
        odds = np.full(len(fields), np.log(prior[0]) - np.log(prior[1]))
        by_stage = np.array([np.log(w / prior[0]) - np.log(l / prior[1]) for w, l in self.counts["stage"].values()])
        odds += by_stage[stage]
        for name in fields:
            odds += fields[name].map(_log_ratios(self.counts[str(name)])).fillna(0.0).to_numpy(dtype=np.float64)
        for name, ratio in _log_ratios(self.counts["tags"]).items():
            odds += np.where(tags[name], ratio, 0.0)
        with np.errstate(over="ignore"):
            percent = 100.0 / (1.0 + np.exp(-odds))
        return np.asarray(np.clip(np.round(percent, 2), 0.01, 99.99))


def _log_ratios(counts: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    won, lost = sum(w for w, _ in counts.values()), sum(l for _, l in counts.values())
    return {value: float(np.log(w / won) - np.log(l / lost)) for value, (w, l) in counts.items()}
