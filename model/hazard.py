"""The purchase hazard: a landmarked, person-period discrete hazard of two competing endings in boosted trees.

Each landmark (a lead at an as-of time) is followed through bins of time while it is at risk. Two boosters in
continuation ratio give h1 = P(buys in the bin | at risk) and h2 = P(lost in the bin | at risk, not bought), so that
incidences rise and sum to at most 1 by construction. Censoring and left truncation need no weights, because a row
exists only while it is at risk. (Discrete hazards: Allison 1982; landmarks: van Houwelingen 2007.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.exceptions import NotFittedError

from features.errors import InputError
from features.lives import BOUGHT, GONE
from model.boosters import Bools, Found, Task, bag, find
from model.curves import Curves, Float
from model.discrete import baseline_hazards, curves_from_hazards, expit, logit
from model.estimator import CurveEstimator, aligned
from model.frame import Columns, Endings, check_endings, check_entry, lead_weights
from model.grid import bin_edges, check_horizons
from model.person_period import Int64, PersonPeriod, Rows, TimeCovariates, person_period

_CHUNK = 60_000  # expanded rows predicted at a time
_SEASON = frozenset({"month", "day_of_year"})  # features that mean nothing until a year has been seen
_SMALL = 20_000  # expanded rows below which threads cost more than they bring
_FEW = 300  # endings, by leads, below which trees are counted by cross-validation over leads


class PurchaseHazard(CurveEstimator):
    """Curves of *purchased* and *lost* from features, for censored data with covariates known in advance.

    ``horizons``: days, rising; the curve ends at the longest. ``bags``: boosters averaged for each ending.
    ``max_rows``: rows (landmark, bin) that a fit uses; above it, rows without an ending are sampled. ``min_events``:
    leads with an ending that it takes to learn its hazard from features; below, Aalen-Johansen's is taken.
    ``lead_power``: a row weighs n ** -lead_power, n being the rows of its lead. ``max_trees``: of one bag.
    ``seed``: the same data, parameters and seed give the same model.

    Two columns of X have a meaning of their own: ``deadline_days`` (days to the declared deadline) and ``age_days``;
    both are moved along with each bin. Features that vary with time vary from landmark to landmark: each landmark of
    a lead is a row of its own, with X as known at its as-of time and y counted from there (``groups`` ties the rows
    of a lead together). A curve never needs values that are not known yet, except those that are known in advance.
    """

    def __init__(
        self,
        horizons: Sequence[float] = (7, 30, 90),
        *,
        bags: int = 3,
        max_trees: int = 400,
        learning_rate: float = 0.05,
        max_rows: int = 100_000,
        min_events: int = 20,
        lead_power: float = 0.5,
        n_jobs: int = 2,
        seed: int = 0,
    ) -> None:
        self.horizons = horizons
        self.bags = bags
        self.max_trees = max_trees
        self.learning_rate = learning_rate
        self.max_rows = max_rows
        self.min_events = min_events
        self.lead_power = lead_power
        self.n_jobs = n_jobs
        self.seed = seed

    def fit(
        self,
        X: pd.DataFrame | Float,
        y: Endings,
        *,
        groups: npt.ArrayLike | None = None,
        as_of: npt.ArrayLike | None = None,
        entry: npt.ArrayLike | None = None,
    ) -> Self:
        """``X``: (n, p) numbers and Categoricals, missing allowed; ``y``: structured (or a frame), fields outcome (0
        open, 1 bought, 2 lost) and duration (days above 0); ``groups``: (n,) the lead of each row; ``as_of``: (n,)
        microseconds, for the calendar of the bins and for judging on a later block; ``entry``: (n,) days from which
        on a row is under observation, for rows that would not be there had they ended before (left truncation; 0
        without). InputError for what is none of this.
        """
        horizons = check_horizons(self.horizons)
        frame = self._features_at_fit(X)
        outcome, duration = check_endings(y)
        self.columns_ = Columns.of(frame)
        matrix = self.columns_.encode(frame)
        moment = aligned("as_of", as_of, len(duration))
        lead = aligned("groups", groups, len(duration))
        start = check_entry(entry, duration, horizons[-1])
        lead = np.arange(len(duration)) if lead is None else np.unique(lead, return_inverse=True)[1]
        if len(matrix) != len(duration):
            raise InputError(
                where="fit", expected="as many rows in X as in y", got=f"{len(matrix)} and {len(duration)}"
            )
        edges = bin_edges(horizons)
        self.time_ = TimeCovariates.of(edges, self.columns_, moment, duration)
        matrix = self.masked(matrix)
        weight = lead_weights(lead, len(duration), self.lead_power)
        self.baseline_ = baseline_hazards(outcome, duration, weight, edges, start)
        rows = person_period(outcome, duration, edges, max_rows=self.max_rows, seed=self.seed, entry=start)
        self.trees_: dict[int, Found] = {}
        self.texts_: dict[int, str] = {}
        self._fit_boosters(rows, Rows(matrix, moment, self.time_, rows.row, rows.bin), weight, lead, moment)
        self._load()
        return self

    def predict_curves(self, X: pd.DataFrame | Float, *, as_of: npt.ArrayLike | None = None) -> Curves:
        """Curves for n rows with the columns of the fit. An array is taken as encoded by ``columns_``.

        ``as_of``: (n,) microseconds, required when the fit had them.
        """
        matrix, moment = self._checked(X, as_of)
        n_bins = len(self.time_.edges) - 1
        n = len(matrix)
        hazards = [np.broadcast_to(self.baseline_[k], (n, n_bins)) for k in (0, 1)]
        if self._boosters:
            step = max(1, _CHUNK // n_bins)
            hazards = [np.array(h) for h in hazards]
            for first in range(0, n, step):
                part = slice(first, first + step)
                expanded = self.expand(matrix[part], None if moment is None else moment[part])
                for ending, booster in self._boosters.items():
                    threads = self.n_jobs if n > 50 else 1
                    raw = np.asarray(booster.predict(expanded, raw_score=True, num_threads=threads))
                    offset = logit(self.baseline_[ending - 1])
                    hazards[ending - 1][part] = expit(raw.reshape(-1, n_bins) + offset)
        return curves_from_hazards(np.array(self.time_.edges), *hazards)

    def expand(self, matrix: Float, as_of: Int64 | None, bins: Sequence[int] | None = None) -> Float:
        """(n * len(bins), p + q): encoded rows with the covariates of each bin (all of them by default)."""
        which = np.arange(len(self.time_.edges) - 1, dtype=np.int32) if bins is None else np.array(bins, dtype=np.int32)
        base = np.repeat(matrix, len(which), axis=0)
        moment = None if as_of is None else np.repeat(as_of, len(which))
        return np.column_stack([base, self.time_.compute(base, moment, np.tile(which, len(matrix)))])

    @property
    def feature_names_(self) -> list[str]:
        """The columns that the boosters see: the features, then the covariates of the bin."""
        return [*self.columns_.names, *self.time_.names]

    def booster(self, ending: int) -> lgb.Booster | None:
        """The booster for *purchased* (1) or *lost* (2); None where Aalen-Johansen's hazard is used."""
        self._check_fitted()
        return self._boosters.get(ending)

    def to_files(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What was fitted, as one JSON object and LightGBM texts by name."""
        self._check_fitted()
        state = {
            "parameters": {**self.get_params(), "horizons": list(map(float, self.horizons))},
            "columns": list(self.columns_.names),
            "named": hasattr(self, "feature_names_in_"),
            "levels": {name: list(levels) for name, levels in self.columns_.levels.items()},
            "time": {**self.time_.to_json(), "edges": list(self.time_.edges)},
            "baseline": self.baseline_.tolist(),
            "trees": {_NAMES[k]: [found.n_trees, found.trust] for k, found in self.trees_.items()},
        }
        return state, {_NAMES[k]: text for k, text in self.texts_.items()}

    @classmethod
    def from_files(cls, state: dict[str, Any], texts: dict[str, str]) -> Self:
        """The estimator that ``to_files`` wrote: the same predictions to the last bit."""
        parameters = dict(state["parameters"])
        made = cls(tuple(parameters.pop("horizons")), **parameters)
        made.columns_ = Columns(tuple(state["columns"]), {k: tuple(v) for k, v in state["levels"].items()})
        made.n_features_in_ = len(made.columns_.names)
        if state.get("named", True):
            made.feature_names_in_ = np.array(made.columns_.names, dtype=object)
        made.time_ = TimeCovariates.from_json(state["time"])
        made.baseline_ = np.array(state["baseline"], dtype=np.float64)
        made.trees_ = {k: Found(*state["trees"][name]) for k, name in _NAMES.items() if name in state["trees"]}
        wanted = [k for k, found in made.trees_.items() if found.trust > 0]
        for k in wanted:
            if _NAMES[k] not in texts:
                raise InputError(where="model files", expected=f"{_NAMES[k]}.txt", got="none")
        made.texts_ = {k: texts[_NAMES[k]] for k in wanted}
        made._load()
        return made

    def _fit_boosters(self, rows: PersonPeriod, source: Rows, weight: Float, lead: Int64, moment: Int64 | None) -> None:
        outcome_by_row = rows.ending
        data: lgb.Dataset | None = None
        for ending in (BOUGHT, GONE):
            label = (outcome_by_row == ending).astype(np.float64)
            found_in = np.unique(lead[rows.row[label > 0]])
            if len(found_in) < self.min_events:
                continue
            # the second ending is judged only where the first has not come
            at_risk = rows.weight * weight[rows.row] * ((ending == BOUGHT) | (outcome_by_row != BOUGHT))
            task = Task(label, at_risk, logit(self.baseline_[ending - 1])[rows.bin], lead[rows.row])
            params = self._params(len(found_in), len(rows))
            data = data or self._dataset(source, label)
            folds = _folds(lead, rows, moment, found_in, self.seed)
            # half a bag of one row is none
            folds = [fold for fold in folds if all((at_risk[part] > 0).sum() > 1 for part in fold)]
            if not folds:
                continue
            found = find(data, source, task, folds=folds, params=params, max_trees=self.max_trees)
            self.trees_[ending] = found
            if found.trust > 0:
                seeds = [self.seed + 101 * k for k in range(self.bags)]
                self.texts_[ending] = bag(
                    data, task, params=params, n_trees=found.n_trees, seeds=seeds, factor=found.trust
                )

    def _dataset(self, source: Rows, label: Float) -> lgb.Dataset:
        """All rows, binned once for both endings, in slices; the cut points come from a sample of rows."""
        rng = np.random.default_rng(self.seed)
        sample = np.sort(rng.permutation(len(source))[:30_000])
        options = {"max_bin": 127, "min_data_in_bin": 5, "feature_pre_filter": False, "verbose": -1}
        options |= {"num_threads": self.n_jobs}
        cuts = lgb.Dataset(
            source[sample],
            label[sample],
            categorical_feature=self.columns_.categorical,
            feature_name=_safe_names(len(self.feature_names_)),
            params=options,
        )
        data = lgb.Dataset(source, label, reference=cuts, params=options)
        return data.construct()

    def _params(self, n_events: int, n_rows: int) -> dict[str, Any]:
        """Trees grow with the number of leads that ended so; what one leaf needs is told in expected endings."""
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "boost_from_average": False,
            "learning_rate": self.learning_rate,
            "num_leaves": int(np.clip(round(np.sqrt(n_events) / 2), 4, 31)),
            "min_data_in_leaf": 20,
            "min_sum_hessian_in_leaf": 2.0,
            "lambda_l2": 5.0,
            "feature_fraction": 0.3,
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "min_data_per_group": 50,
            "cat_smooth": 20.0,
            "max_cat_to_onehot": 4,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.n_jobs if n_rows > _SMALL else 1,
            "seed": self.seed,
            "verbose": -1,
        }

    def _checked(self, X: pd.DataFrame | Float, as_of: npt.ArrayLike | None) -> tuple[Float, Int64 | None]:
        self._check_fitted()
        matrix = self.masked(self.columns_.encode(self._features(X)))
        moment = aligned("as_of", as_of, len(matrix))
        if moment is None and self.time_.needs_calendar:
            raise InputError(
                where="as_of",
                expected="the as-of time of each row in microseconds",
                got="none",
                remedy="The fit had them",
            )
        return matrix, moment

    def masked(self, matrix: Float) -> Float:
        """Season is missing for a model that has not seen a year of it."""
        season = [i for i, name in enumerate(self.columns_.names) if name in _SEASON]
        if season and not self.time_.month:
            matrix = matrix.copy()
            matrix[:, season] = np.nan
        return matrix

    def _load(self) -> None:
        """Predictions come from the text always, so that they are the same after a round trip."""
        try:
            self._boosters = {k: lgb.Booster(model_str=text) for k, text in self.texts_.items()}
        except lgb.basic.LightGBMError as error:
            raise InputError(where="model files", expected="LightGBM's text format", got=str(error)) from None

    def _check_fitted(self) -> None:
        if not hasattr(self, "_boosters"):
            raise NotFittedError("this PurchaseHazard is not fitted; call fit first")


_NAMES = {BOUGHT: "purchase", GONE: "loss"}


def _folds(lead: Int64, rows: PersonPeriod, moment: Int64 | None, ended: Int64, seed: int) -> list[tuple[Bools, Bools]]:
    """Rows to fit on and rows to judge by; no lead in both. Many endings: the quarter of leads that came last is
    judged. Few, or no times: four parts by lead in turn.
    """
    n_leads = int(lead.max()) + 1
    row_lead = lead[rows.row]
    if moment is not None and len(ended) >= _FEW:
        first = np.full(n_leads, np.iinfo(np.int64).max)
        np.minimum.at(first, lead, moment)
        judge = first > np.quantile(first, 0.75)
        if judge[ended].sum() >= _FEW // 10:
            return [(~judge[row_lead], judge[row_lead])]
    part = np.random.default_rng(seed).permutation(n_leads) % 4
    # leads with the ending are dealt out evenly
    part[ended] = np.random.default_rng(seed + 1).permutation(len(ended)) % 4
    return [(part[row_lead] != k, part[row_lead] == k) for k in range(4)]


def _safe_names(n: int) -> list[str]:
    """LightGBM refuses some characters in names, so columns go by number."""
    return [f"f{i}" for i in range(n)]
