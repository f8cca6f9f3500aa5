"""The purchase hazard: a landmarked, person-period discrete hazard of two competing endings in boosted trees.

Each landmark (a lead at an as-of time) is followed through bins of time while it is at risk. Two boosters in
continuation ratio give h1 = P(buys in the bin | at risk) and h2 = P(lost in the bin | at risk, not bought), so that
incidences rise and sum to at most 1 by construction. Censoring and left truncation need no weights, because a row
exists only while it is at risk. (Discrete hazards: Allison 1982; landmarks: van Houwelingen 2007.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.exceptions import NotFittedError

from features.errors import InputError
from features.lives import BOUGHT, GONE
from model.bin_forest import BinForest
from model.bin_scores import bin_scores, in_parts
from model.cross_fit import Blend
from model.curves import Curves, Float
from model.discrete import baseline_hazards, curves_from_hazards, expit, logit
from model.estimator import CurveEstimator, aligned
from model.fit_hazard import FIT_OPTIONS, Growth, Material, fit_ensemble
from model.frame import Columns, Endings, check_endings, check_entry, lead_weights
from model.grid import bin_edges, check_horizons
from model.person_period import Int64, TimeCovariates
from model.tree_shapley import TreeContributions


class PurchaseHazard(CurveEstimator):
    """Curves of *purchased* and *lost* from features, for censored data with covariates known in advance.

    ``horizons``: days, rising; the curve ends at the longest. ``max_trees``: boosted trees of one member of the
    ensemble (model.cross_fit). ``max_rows``: rows (landmark, bin) that a member uses at most, and at most
    ``rows_per_lead`` a lead, for the rows of a lead are alike; above it each member draws its own.
    ``min_events``: leads with an ending that it takes to learn its hazard from features; below, Aalen-Johansen's is
    taken. ``lead_power``: a row weighs n ** -lead_power, n being the rows of its lead; 0 alone leaves hazards unbiased.
    ``leaves``: factor on the number of leaves of a tree, which grows with the number of endings; ``leaf_endings``: what
    a leaf needs, about as many expected endings; ``l2``: penalty on leaf values; ``columns_per_tree``: drawn for each
    tree, at least 15 and at most 70 % of all; ``row_share``: share of the rows drawn for each tree.
    ``seed``: the same data, parameters and seed give the same model.

    Two columns of X have a meaning of their own: ``deadline_days`` (days to the declared deadline) and ``age_days``;
    both are moved along with each bin. Features that vary with time vary from landmark to landmark: each landmark of
    a lead is a row of its own, with X as known at its as-of time and y counted from there (``groups`` ties the rows
    of a lead together). A curve never needs values that are not known yet, except those that are known in advance.
    """

    _learns = True  # from features

    def __init__(
        self,
        horizons: Sequence[float] = (7, 30, 90),
        *,
        max_trees: int = 400,
        learning_rate: float = 0.05,
        max_rows: int = 250_000,
        rows_per_lead: int = 25,
        min_events: int = 20,
        lead_power: float = 0.0,
        leaves: float = 1.0,
        leaf_endings: float = 2.0,
        l2: float = 10.0,
        columns_per_tree: float = 12.0,
        row_share: float = 0.5,
        n_jobs: int = 2,
        seed: int = 0,
    ) -> None:
        self.horizons = horizons
        self.max_trees = max_trees
        self.learning_rate = learning_rate
        self.max_rows = max_rows
        self.rows_per_lead = rows_per_lead
        self.min_events = min_events
        self.lead_power = lead_power
        self.leaves = leaves
        self.leaf_endings = leaf_endings
        self.l2 = l2
        self.columns_per_tree = columns_per_tree
        self.row_share = row_share
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
        lead_names = aligned("groups", groups, len(duration))
        start = check_entry(entry, duration, horizons[-1])
        lead_names = np.arange(len(duration)) if lead_names is None else lead_names
        if len(matrix) != len(duration):
            got = f"{len(matrix)} and {len(duration)}"
            raise InputError(where="fit", expected="as many rows in X as in y", got=got)
        self._leads, lead = np.unique(lead_names, return_inverse=True)
        edges = bin_edges(horizons)
        self.time_ = TimeCovariates.of(edges, self.columns_, moment, duration)
        matrix = self.masked(matrix)
        weight = lead_weights(lead, len(duration), self.lead_power)
        self.baseline_ = baseline_hazards(outcome, duration, weight, edges, start)
        material = Material(
            outcome=outcome,
            duration=duration,
            entry=start,
            matrix=matrix,
            as_of=moment,
            lead=lead,
            weight=weight,
            baseline=self.baseline_,
            time=self.time_,
            categorical=self.columns_.categorical,
        )
        options = {name: getattr(self, name) for name in FIT_OPTIONS}
        growth = Growth(**{each.name: getattr(self, each.name) for each in fields(Growth)})
        found = fit_ensemble(material, **options, growth=growth) if self._learns else None
        self.blends_ = found.blends if found else {}
        self.texts_ = found.texts if found else {}
        self._held_out = found.held_out if found else []
        self._load()
        return self

    def predict_curves(self, X: pd.DataFrame | Float, *, as_of: npt.ArrayLike | None = None) -> Curves:
        """Curves for n rows with the columns of the fit. An array is taken as encoded by ``columns_``.

        ``as_of``: (n,) microseconds, required when the fit had them.
        """
        matrix, moment = self._checked(X, as_of)
        edges = np.array(self.time_.edges)
        bought, lost = np.empty((2, len(matrix), len(edges)))

        def work(part: slice) -> None:
            own = None if moment is None else moment[part]
            made = curves_from_hazards(
                edges, *self._hazards(self._scores(self._forest, self.texts_, matrix[part], own))
            )
            bought[part], lost[part] = made.purchased, made.lost

        in_parts(len(matrix), self.n_jobs, work)
        return Curves(edges, bought, lost)

    def predict_held_out(
        self, X: pd.DataFrame | Float, groups: npt.ArrayLike, *, as_of: npt.ArrayLike | None = None
    ) -> Curves:
        """Curves for n rows by the members that have not seen the lead of each; leads that none has seen get those of
        the whole ensemble. ``groups``: (n,) as at fit. Only after ``fit``: files do not keep the members apart.
        """
        matrix, moment = self._checked(X, as_of)
        if not hasattr(self, "_held_out"):
            raise NotFittedError("members are kept apart only in the process that fitted them; call fit first")
        lead = np.asarray(aligned("groups", groups, len(matrix)))
        place = np.minimum(np.searchsorted(self._leads, lead), len(self._leads) - 1)
        known = self._leads[place] == lead
        scores = np.array(self._scores(self._forest, self.texts_, matrix, moment))
        scores[:, known] = 0.0
        for part, texts in self._held_out:
            for k, own in enumerate(texts):
                rows = np.flatnonzero(known & (part[place] == k))
                if len(rows):
                    found = self._scores(self._parse(own), own, matrix[rows], None if moment is None else moment[rows])
                    scores[:, rows] += found / len(self._held_out)
        return curves_from_hazards(np.array(self.time_.edges), *self._hazards(scores))

    def _scores(self, forest: BinForest | None, texts: dict[int, str], matrix: Float, moment: Int64 | None) -> Float:
        """(2, n, bins): what the ensemble adds to the logit of the baseline; 0 for an ending without trees."""
        scores = np.zeros((2, len(matrix), len(self.time_.edges) - 1))
        if forest is not None:
            found = bin_scores(forest, self.time_, matrix, moment)
            for i, ending in enumerate(sorted(texts)):
                scores[ending - 1] = found[i]
        return scores

    def _hazards(self, scores: Float) -> Float:
        made = expit(scores + logit(self.baseline_)[:, None, :])
        for k in (0, 1):
            if k + 1 not in self.texts_:
                made[k] = self.baseline_[k]
        return made

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

    def contributions(self, ending: int) -> TreeContributions | None:
        """What tells how much each column of ``expand`` adds to the score of an ending; None as for ``booster``."""
        self._check_fitted()
        if ending not in self._contributions and ending in self.texts_:
            columns = len(self.columns_.names) + len(self.time_.names)
            self._contributions[ending] = TreeContributions.parse(self.texts_[ending], columns)
        return self._contributions.get(ending)

    def warm_up(self) -> None:
        """Compile now what the first prediction and the first reasons would wait for."""
        self._check_fitted()
        if self._forest is not None:
            self._forest.warm_up()
        told = self.contributions(BOUGHT)
        if told is not None:
            told.warm_up()

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
            "blends": {_NAMES[k]: asdict(blend) for k, blend in self.blends_.items()},
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
        made.blends_ = {k: Blend(**state["blends"][name]) for k, name in _NAMES.items() if name in state["blends"]}
        wanted = [k for k, blend in made.blends_.items() if blend.trust > 0]
        for k in wanted:
            if _NAMES[k] not in texts:
                raise InputError(where="model files", expected=f"{_NAMES[k]}.txt", got="none")
        made.texts_ = {k: texts[_NAMES[k]] for k in wanted}
        made._load()
        return made

    def _checked(self, X: pd.DataFrame | Float, as_of: npt.ArrayLike | None) -> tuple[Float, Int64 | None]:
        self._check_fitted()
        matrix = self.masked(self.columns_.encode(self._features(X)))
        moment = aligned("as_of", as_of, len(matrix))
        if moment is None and self.time_.needs_calendar:
            expected = "the as-of time of each row in microseconds"
            raise InputError(where="as_of", expected=expected, got="none", remedy="The fit had them")
        return matrix, moment

    def masked(self, matrix: Float) -> Float:
        """Season is missing for a model that has not seen a year of it."""
        return self.time_.masked(matrix, self.columns_.names)

    def _load(self) -> None:
        """Predictions come from the texts always, so that they are the same after a round trip."""
        try:
            self._boosters = {k: lgb.Booster(model_str=text) for k, text in self.texts_.items()}
        except lgb.basic.LightGBMError as error:
            raise InputError(where="model files", expected="LightGBM's text format", got=str(error)) from None
        self._forest = self._parse(self.texts_)
        self._contributions: dict[int, TreeContributions] = {}  # parsed when first asked for: scores need none

    def _parse(self, texts: dict[int, str]) -> BinForest | None:
        own = [texts[ending] for ending in sorted(texts)]
        return BinForest.parse(own, len(self.columns_.names), len(self.time_.names)) if own else None

    def _check_fitted(self) -> None:
        if not hasattr(self, "_boosters"):
            raise NotFittedError("this PurchaseHazard is not fitted; call fit first")


_NAMES = {BOUGHT: "purchase", GONE: "loss"}
