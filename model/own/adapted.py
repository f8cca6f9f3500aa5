"""An estimator of others as a model of curves: its features, its folds, its curves, its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from features.errors import InputError
from features.lives import BOUGHT, GONE, OPEN
from model.cross_fit import FOLDS, parts_of
from model.curves import Curves, Float
from model.discrete import baseline_hazards
from model.estimator import CurveEstimator, aligned
from model.frame import Columns, Endings, check_endings, check_entry, endings
from model.grid import bin_edges, check_horizons
from model.own.encoding import Encoding, typical
from model.own.reading import cause_specific_curves, cumulative_hazard, is_joint, joint_curves, one_ending, taken
from model.own.skops_file import from_bytes, to_bytes
from model.person_period import TimeCovariates

KIND = "own"
FILE = "estimator.skops"
_LEAST = 20  # leads with an ending from which it is learned from features, where an estimator knows one ending


@dataclass(frozen=True, eq=False)
class _Rows:
    """What is learned from; all (n,) or (n, p)."""

    matrix: Float
    y: Endings
    given: dict[str, npt.NDArray[Any]]

    def part(self, which: npt.NDArray[Any]) -> _Rows:
        return _Rows(self.matrix[which], self.y[which], {name: values[which] for name, values in self.given.items()})


class Adapted(CurveEstimator):
    """Any survival estimator with scikit-learn's interface in the place of PurchaseHazard.

    ``estimator``: unfitted. It either has ``predict_cumulative_incidence(X, times)``, (n, 3, k) as
    ``CurveEstimator`` has it, and is fitted on y with fields outcome (0 open, 1 bought, 2 lost) and duration (days); or
    ``predict_cumulative_hazard_function(X)`` or ``predict_survival_function(X)`` as scikit-survival has them, and is
    fitted for each ending on y with fields event and time. Where its methods name ``groups``, ``as_of`` or ``entry``
    they are given them, as PurchaseHazard's. Its features: model.own.encoding.
    ``trusted``: types that its file may hold beside those that skops trusts, as ``module.Type`` or ``module:Class``.
    ``max_landmarks``: rows that it is fitted on, drawn at random above that. Parameters of the estimator that are named
    random_state or n_jobs, and are None, are set to ``seed`` and ``n_jobs``.
    """

    def __init__(
        self,
        estimator: Any,
        horizons: Sequence[float] = (7, 30, 90),
        *,
        trusted: Sequence[str] = (),
        max_landmarks: int = 50_000,
        n_jobs: int = 2,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.horizons = horizons
        self.trusted = trusted
        self.max_landmarks = max_landmarks
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
        """As ``PurchaseHazard.fit``, and like there without the season until a year has been seen. One fit on all rows,
        and one without each fourth of the leads, for ``predict_held_out``. InputError too where the estimator cannot be
        written to a file, after the first fit.
        """
        horizons = check_horizons(self.horizons)
        self._joint = is_joint(self.estimator)
        frame = self._features_at_fit(X)
        outcome, duration = check_endings(y)
        n = len(duration)
        if len(frame) != n:
            raise InputError(where="fit", expected="as many rows in X as in y", got=f"{len(frame)} and {n}")
        start = check_entry(entry, duration, horizons[-1])
        self._check_takes_entry(start)
        self.columns_ = Columns.of(frame)
        self.edges_ = bin_edges(horizons)
        matrix = self.columns_.encode(frame)
        names = aligned("groups", groups, n)
        names = np.arange(n) if names is None else names
        self._leads, lead = np.unique(names, return_inverse=True)
        moment = aligned("as_of", as_of, n)
        given = {"groups": names, "as_of": moment, "entry": start}
        if moment is not None:
            matrix = TimeCovariates.of(self.edges_, self.columns_, moment, duration).masked(matrix, self.columns_.names)
        rows = _Rows(matrix, endings(outcome, duration), {k: v for k, v in given.items() if v is not None})
        self.typical_ = typical(self.columns_, matrix)
        self.encoding_ = Encoding.of(self.estimator, self.columns_, matrix)
        self.baseline_ = baseline_hazards(outcome, duration, np.ones(n), self.edges_, start)
        self._part = parts_of(_lead_endings(outcome, duration, lead, self.edges_[-1]), self.seed)
        drawn = np.random.default_rng(self.seed).permutation(n) < self.max_landmarks
        self._members = []
        for k in range(FOLDS if len(self._leads) >= FOLDS else 0):
            self._members.append(self._fitted(rows.part(drawn & (self._part[lead] != k))))
            if not k:
                to_bytes(self._members[0], self.trusted)
        self.fitted_ = self._fitted(rows.part(drawn))
        return self

    def predict_curves(self, X: pd.DataFrame | Float, *, as_of: npt.ArrayLike | None = None) -> Curves:
        """Curves for n rows with the columns of the fit. An array is taken as encoded by ``columns_``."""
        matrix, moment = self._checked(X, as_of)
        return self._curves(self.fitted_, matrix, moment)

    def predict_held_out(
        self, X: pd.DataFrame | Float, groups: npt.ArrayLike, *, as_of: npt.ArrayLike | None = None
    ) -> Curves:
        """The same by members that have not seen the lead of each; leads that none has seen get ``predict_curves``.

        Only after ``fit``: files do not keep the members.
        """
        matrix, moment = self._checked(X, as_of)
        if not hasattr(self, "_members"):
            raise NotFittedError("members are kept apart only in the process that fitted them; call fit first")
        lead = np.asarray(aligned("groups", groups, len(matrix)))
        place = np.minimum(np.searchsorted(self._leads, lead), len(self._leads) - 1)
        of_part = np.where(self._leads[place] == lead, self._part[place], -1)
        bought, lost = np.zeros((2, len(matrix), len(self.edges_)))
        for k in range(-1, FOLDS):
            rows = np.flatnonzero(of_part == k)
            if len(rows):
                own = self._members[k] if 0 <= k < len(self._members) else self.fitted_
                made = self._curves(own, matrix[rows], None if moment is None else moment[rows])
                bought[rows], lost[rows] = made.purchased, made.lost
        return Curves(self.edges_, bought, lost)

    def booster(self, ending: int) -> None:  # noqa: ARG002 - no trees that LightGBM knows
        return None

    @property
    def feature_names_(self) -> list[str]:
        """The columns that the estimator is given."""
        self._check_fitted()
        return self.encoding_.names

    def warm_up(self) -> None:
        """Predict with ``n_jobs`` threads from now on, once to import what that takes."""
        self._check_fitted()
        for estimator in self.fitted_.values():
            _fill_parameters(estimator, {"n_jobs": self.n_jobs}, also_given=True)
        self.predict_curves(self.typical_[None, :], as_of=np.zeros(1, dtype=np.int64))

    def to_files(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """What was fitted, as one JSON object and files by name."""
        self._check_fitted()
        state = {
            "kind": KIND,
            "horizons": list(map(float, self.horizons)),
            "joint": self._joint,
            "named": hasattr(self, "feature_names_in_"),
            "encoding": self.encoding_.to_json(),
            "typical": [None if np.isnan(value) else value for value in self.typical_.tolist()],
            "baseline": self.baseline_.tolist(),
            "max_landmarks": self.max_landmarks,
            "seed": self.seed,
        }
        return state, {FILE: to_bytes(self.fitted_, self.trusted)}

    @classmethod
    def from_files(cls, state: dict[str, Any], files: dict[str, bytes], *, trusted: Sequence[str]) -> Self:
        """What ``to_files`` wrote: the same predictions. ``trusted``: the loader's own; the files are not asked."""
        if FILE not in files:
            raise InputError(where="model files", expected=FILE, got="none")
        fitted = from_bytes(files[FILE], trusted)
        first = clone(next(iter(fitted.values()))) if fitted else None
        made = cls(
            first, tuple(state["horizons"]), trusted=trusted, max_landmarks=state["max_landmarks"], seed=state["seed"]
        )
        made.fitted_, made._joint = fitted, state["joint"]
        made.encoding_ = Encoding.from_json(state["encoding"])
        made.columns_ = made.encoding_.columns
        made.n_features_in_ = len(made.columns_.names)
        if state["named"]:
            made.feature_names_in_ = np.array(made.columns_.names, dtype=object)
        made.typical_ = np.array([np.nan if v is None else v for v in state["typical"]], dtype=np.float64)
        made.baseline_ = np.array(state["baseline"], dtype=np.float64)
        made.edges_ = bin_edges(made.horizons)
        return made

    def _fitted(self, rows: _Rows) -> dict[str, Any]:
        """By name: one estimator of both endings, or one of each that enough leads of these rows had."""
        X = self.encoding_.frame(rows.matrix)
        if self._joint:
            return {_BOTH: self._fit(X, rows.y, rows.given)}
        made = {}
        for ending, name in _NAMES.items():
            came = (rows.y["outcome"] == ending) & (rows.y["duration"] <= self.edges_[-1])
            if len(np.unique(rows.given["groups"][came])) >= _LEAST:
                made[name] = self._fit(X, one_ending(rows.y, ending), rows.given)
        return made

    def _fit(self, X: pd.DataFrame, y: npt.NDArray[np.void], given: dict[str, npt.NDArray[Any]]) -> Any:
        estimator = clone(self.estimator)
        _fill_parameters(estimator, {"random_state": self.seed, "n_jobs": self.n_jobs})
        return estimator.fit(X, y, **taken(estimator.fit, given))

    def _curves(self, fitted: dict[str, Any], matrix: Float, moment: npt.NDArray[Any] | None) -> Curves:
        if not len(matrix):
            return Curves(self.edges_, *np.zeros((2, 0, len(self.edges_))))
        X = self.encoding_.frame(matrix)
        if self._joint:
            return joint_curves(fitted[_BOTH], X, self.edges_, {} if moment is None else {"as_of": moment})
        usual = np.concatenate([np.zeros((2, 1)), np.cumsum(-np.log1p(-self.baseline_), axis=1)], axis=1)
        return cause_specific_curves(
            self.edges_,
            [
                cumulative_hazard(fitted[name], X, self.edges_)
                if name in fitted
                else np.broadcast_to(usual[ending - 1], (len(X), len(self.edges_)))
                for ending, name in _NAMES.items()
            ],
        )

    def _checked(
        self, X: pd.DataFrame | Float, as_of: npt.ArrayLike | None
    ) -> tuple[Float, npt.NDArray[np.int64] | None]:
        self._check_fitted()
        matrix = self.columns_.encode(self._features(X))
        return matrix, aligned("as_of", as_of, len(matrix))

    def _check_takes_entry(self, entry: Float | None) -> None:
        if entry is not None and not taken(self.estimator.fit, {"entry": entry}):
            raise InputError(
                where="entry",
                expected=f"a fit that takes entry, for left truncation, of {type(self.estimator).__name__}",
                got="one that does not",
                remedy="Leave out rows that came under observation later",
            )

    def _check_fitted(self) -> None:
        if not hasattr(self, "fitted_"):
            raise NotFittedError("this Adapted is not fitted; call fit first")


_BOTH = "both"
_NAMES = {BOUGHT: "purchase", GONE: "loss"}


def _lead_endings(
    outcome: npt.NDArray[np.int8], duration: Float, lead: npt.NDArray[np.int64], longest: float
) -> npt.NDArray[np.int8]:
    """(leads,): the ending of each lead within the grid, 0 without."""
    within = (outcome != OPEN) & (duration <= longest)
    found = np.zeros(int(lead.max()) + 1, dtype=np.int8)
    np.maximum.at(found, lead[within], outcome[within])
    return found


def _fill_parameters(estimator: Any, values: dict[str, Any], *, also_given: bool = False) -> None:
    """Set parameters of these names, of the estimator and of those within it, where they are None (or all of them)."""
    mine = estimator.get_params(deep=True)
    wanted = {
        name: values[last]
        for name, now in mine.items()
        if (last := name.rpartition("__")[2]) in values and (now is None or also_given)
    }
    if wanted:
        estimator.set_params(**wanted)
