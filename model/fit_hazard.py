"""From labelled rows to the ensemble of a hazard: which expanded rows, which bins, which parameters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.errors import InputError
from features.lives import BOUGHT, GONE, OPEN
from model.additive import shapes_of
from model.boosters import Task
from model.cross_fit import DATA_OPTIONS, FOLDS, Draw, Ensemble, cross_fit
from model.curves import Float
from model.discrete import logit
from model.person_period import Int64, Rows, TimeCovariates, person_period

# as PurchaseHazard names them
FIT_OPTIONS = ("min_events", "max_rows", "rows_per_lead", "max_trees", "learning_rate", "n_jobs", "seed")
_LEAST_ROWS = 60_000  # expanded rows of a member, where there are as many
_FEWEST_ROWS = 1_000  # of a member, that leaves and bins can be found from
_SAMPLE = 30_000  # expanded rows from which the bins of columns are found
_SMALL = 20_000  # expanded rows below which threads cost more than they bring


@dataclass(frozen=True)
class Growth:
    """How trees grow, as PurchaseHazard names it."""

    leaves: float
    leaf_endings: float
    l2: float
    columns_per_tree: float
    row_share: float

    def params(self, n_events: int, n_columns: int) -> dict[str, Any]:
        """Trees grow with the number of leads that ended so; what one leaf needs is told in expected endings."""
        grown = np.clip(round(np.sqrt(n_events) / 2), 4, 31)
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "boost_from_average": False,
            "num_leaves": max(2, round(float(grown) * self.leaves)),
            "min_data_in_leaf": 20,
            "min_sum_hessian_in_leaf": self.leaf_endings,
            "lambda_l2": self.l2,
            "feature_fraction": float(np.clip(self.columns_per_tree / n_columns, 0.15, 0.7)),
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "min_data_per_group": 50,
            "cat_smooth": 20.0,
            "max_cat_to_onehot": 4,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }


@dataclass(frozen=True, eq=False)
class Material:
    """What is learned from: n rows, one for each landmark. ``outcome`` 0, 1, 2; ``duration``, ``entry``: days;
    ``matrix`` (n, p), encoded; ``as_of``: microseconds; ``lead``: codes 0 ..; ``weight``; ``baseline`` (2, bins):
    hazards; ``categorical``: places of such columns.
    """

    outcome: npt.NDArray[np.int8]
    duration: Float
    entry: Float | None
    matrix: Float
    as_of: Int64 | None
    lead: Int64
    weight: Float
    baseline: Float
    time: TimeCovariates
    categorical: list[int]

    @property
    def n_columns(self) -> int:
        return int(self.matrix.shape[1]) + len(self.time.names)

    def lead_endings(self) -> npt.NDArray[np.int8]:
        """(leads,): the ending of each lead within the grid, 0 without."""
        within = (self.outcome != OPEN) & (self.duration <= self.time.edges[-1])
        found = np.zeros(int(self.lead.max()) + 1, dtype=np.int8)
        np.maximum.at(found, self.lead[within], self.outcome[within])
        return found

    def draw(self, seed: int, endings: list[int], max_rows: int) -> Draw:
        """Expanded rows of all leads, at most so many, with the tasks of the endings."""
        rows = person_period(
            self.outcome, self.duration, np.array(self.time.edges), max_rows=max_rows, seed=seed, entry=self.entry
        )
        at_risk, offsets = rows.weight * self.weight[rows.row], logit(self.baseline)
        # the second ending is judged only where the first has not come
        tasks = {
            e: Task(
                (rows.ending == e).astype(np.float64),
                at_risk * ((e == BOUGHT) | (rows.ending != BOUGHT)),
                offsets[e - 1][rows.bin],
            )
            for e in endings
        }
        return Draw(Rows(self.matrix, self.as_of, self.time, rows.row, rows.bin), self.lead[rows.row], tasks)

    def curved(self) -> list[int]:
        """Columns of time: a date that comes nearer may matter more, and a hazard may rise and fall with age."""
        own = [i for i in (self.time.deadline, self.time.age) if i >= 0]
        return [*own, *range(self.matrix.shape[1], self.n_columns)]


def fit_ensemble(
    given: Material,
    *,
    min_events: int,
    max_rows: int,
    rows_per_lead: int,
    max_trees: int,
    learning_rate: float,
    n_jobs: int,
    seed: int,
    growth: Growth,
) -> Ensemble | None:
    """None where no ending has come to ``min_events`` leads. Options as of PurchaseHazard; InputError for one that
    nothing can be fitted with.
    """
    for name, value, least in (
        ("max_trees", max_trees, 1),
        ("max_rows", max_rows, _FEWEST_ROWS),
        ("rows_per_lead", rows_per_lead, 1),
        ("n_jobs", n_jobs, 1),
    ):
        if not isinstance(value, Integral) or value < least:
            raise InputError(where=name, expected=f"a whole number from {least:,} on", got=repr(value))
    lead_endings = given.lead_endings()
    counts = {e: int((lead_endings == e).sum()) for e in (BOUGHT, GONE)}
    endings = [e for e, count in counts.items() if count >= max(min_events, FOLDS)]
    if not endings:
        return None
    most = min(max_rows, max(_LEAST_ROWS, rows_per_lead * len(lead_endings)))
    source = given.draw(seed, endings, most).source
    rng = np.random.default_rng(seed)
    sample = source[np.sort(rng.permutation(len(source))[:_SAMPLE])]
    shared = {
        "learning_rate": learning_rate,
        "num_threads": n_jobs if len(source) > _SMALL else 1,
        "seed": seed,
    }
    return cross_fit(
        lambda k: given.draw(k, endings, most),
        lead_endings=lead_endings,
        cuts=_cuts(sample, given.categorical),
        shapes=shapes_of(sample, given.categorical, given.curved()),
        endings=endings,
        params={e: growth.params(counts[e], given.n_columns) | shared for e in endings},
        max_trees=max_trees,
        seed=seed,
    )


def _cuts(sample: Float, categorical: list[int]) -> lgb.Dataset:
    """A data set whose bins, found on a sample of rows, all members share."""
    return lgb.Dataset(
        sample,
        np.zeros(len(sample)),
        categorical_feature=categorical,
        feature_name=[f"f{i}" for i in range(sample.shape[1])],  # LightGBM refuses some characters in names
        params=DATA_OPTIONS,
    ).construct()
