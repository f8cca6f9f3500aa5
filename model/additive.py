"""An additive hazard: a ridge logistic regression on a step function of each column, written as small trees.

Boosting needs many endings before it beats a regression; a regression extrapolates smoothly where endings are few. Each
column is cut into at most 31 bins and what the regression says of a bin is one number, so its prediction is exactly a
sum of trees with one column each, in LightGBM's text format: one way of predicting and explaining serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize

from model.boosters import Task
from model.curves import Float
from model.discrete import expit

Codes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_CUTS = 30  # with the bin of missing values 32 leaves
_RARE = 30  # rows below which a level, or missing values, have no number of their own
_STEPS, _GAIN = 50, 1e-6  # of the minimiser: at most so many, while each still lowers the loss by this share


@dataclass(frozen=True, eq=False)
class Shape:
    """How one column enters. ``cuts``: numeric, bin k holds cuts[k - 1] < x <= cuts[k]; categorical, the levels told
    apart. ``basis``: (bins + 1, d), what the regression sees of each bin, the last being for missing values and other
    levels. ``count``: (bins + 1,) rows of the sample in each.
    """

    column: int
    categorical: bool
    cuts: Float
    basis: Float
    count: npt.NDArray[np.int64]

    def codes(self, values: Float) -> Codes:
        """(n,): the bin of each value."""
        last = len(self.basis) - 1
        if self.categorical:
            code = np.searchsorted(self.cuts, values)
            known = self.cuts[np.minimum(code, len(self.cuts) - 1)] == values
            return np.where(known, code, last).astype(np.uint8)
        code = np.searchsorted(self.cuts, values, side="left")
        return np.where(np.isnan(values), last, code).astype(np.uint8)


def shapes_of(sample: Float, categorical: Sequence[int], curved: Sequence[int]) -> list[Shape]:
    """Shapes of the columns of ``sample`` (n, p) that vary. ``curved``: columns whose effect may bend (time, dates)."""
    found = []
    for column in range(sample.shape[1]):
        values = sample[:, column]
        make = _levels if column in categorical else _numbers
        shape = make(column, values, column in curved)
        if shape is not None:
            found.append(shape)
    return found


def _levels(column: int, values: Float, _: bool) -> Shape | None:
    level, count = np.unique(values[~np.isnan(values)], return_counts=True)
    kept = np.sort(np.argsort(-count, kind="stable")[:_CUTS])  # the most frequent, in the order of their codes
    kept = kept[count[kept] >= _RARE]
    level, count = level[kept], count[kept]
    if not len(level):
        return None
    basis = np.vstack([np.eye(len(level)), np.zeros(len(level))])
    return Shape(column, True, level, basis, np.append(count, max(len(values) - count.sum(), 1)))


def _numbers(column: int, values: Float, curved: bool) -> Shape | None:
    seen = values[~np.isnan(values)]
    missing = len(values) - len(seen)
    told = min(missing, len(seen)) >= _RARE
    cuts = np.empty(0)
    if len(seen):
        quantiles = np.quantile(seen, np.linspace(0, 1, _CUTS + 2)[1:-1], method="inverted_cdf")
        cuts = np.unique(quantiles)
        cuts = cuts[cuts < seen.max()]
    if not len(cuts) and not told:
        return None
    code = np.searchsorted(cuts, seen, side="left")
    count = np.bincount(code, minlength=len(cuts) + 1)
    basis = []
    if len(cuts):
        scaled = np.sign(seen) * np.log1p(np.abs(seen))
        scaled = np.clip((scaled - scaled.mean()) / max(float(scaled.std()), 1e-9), -5, 5)
        basis.append(np.bincount(code, weights=scaled, minlength=len(count)) / np.maximum(count, 1))
        if curved:
            seen = np.clip(seen, -1e100, 1e100)  # so that sums of them are finite
            middle = np.bincount(code, weights=seen, minlength=len(count)) / np.maximum(count, 1)
            width = max(float(np.ptp(middle)), 1e-9)
            knots = np.unique(np.quantile(seen, (0.05, 0.2, 0.35, 0.5, 0.65, 0.8)))
            basis += [4 * np.maximum(middle - knot, 0) / width for knot in knots]
    columns = [np.append(b, 0.0) for b in basis]
    if told:
        columns.append(np.append(np.zeros(len(count)), 1.0))
    return Shape(column, False, cuts, np.column_stack(columns), np.append(count, missing))


def codes_of(shapes: Sequence[Shape], rows: Float) -> Codes:
    """(n, shapes): the bin of each value of the expanded ``rows`` (n, p)."""
    out = np.empty((len(rows), len(shapes)), dtype=np.uint8, order="F")
    for i, shape in enumerate(shapes):
        out[:, i] = shape.codes(rows[:, shape.column])
    return out


@dataclass(frozen=True, eq=False)
class Additive:
    """A fitted regression: the number of each bin of each shape. The constant is left to whoever combines scores."""

    shapes: Sequence[Shape]
    values: Sequence[Float]
    ridge: float

    def scores(self, codes: Codes) -> Float:
        """(n,): the sum of the numbers of the bins."""
        total = np.zeros(len(codes))
        for i, value in enumerate(self.values):
            total += value[codes[:, i]]
        return total


def fit_additive(shapes: Sequence[Shape], codes: Codes, task: Task, judge: Bools, ridges: Sequence[float]) -> Additive:
    """The ridge with the least loss on the rows of ``judge`` (n,), fitted on the others.

    Minimises sum w (log(1 + e^s) - y s) + ridge / 2 |b|^2, s = offset + constant + sum of bins; weights w are scaled to
    a mean of 1, so the ridge counts in rows.
    """
    if not shapes:  # no column varies
        return Additive((), (), max(ridges))
    blocks = [shape.basis.astype(np.float32) for shape in shapes]
    one = np.ones((len(codes), 1), dtype=np.float32)
    design = np.concatenate([one, *(block[codes[:, i]] for i, block in enumerate(blocks))], axis=1)
    fitted, held = np.flatnonzero(~judge), np.flatnonzero(judge)
    own, mine, theirs = design[fitted], task.rows(fitted), task.rows(held)
    weight = mine.weight / mine.weight.mean()

    def loss(beta: Float, ridge: float) -> tuple[float, Float]:
        score = mine.offset + own @ beta.astype(np.float32)
        value = float((weight * (np.logaddexp(0.0, score) - mine.label * score)).sum())
        residual = weight * (expit(score) - mine.label)
        slope = residual.astype(np.float32) @ own + ridge * _penalised(beta)
        return value + 0.5 * ridge * float(beta @ _penalised(beta)), slope

    chance = expit(mine.offset)
    scaled = own * np.sqrt(weight * chance * (1.0 - chance)).astype(np.float32)[:, None]
    curvature = (scaled.T @ scaled).astype(np.float64)
    best: tuple[float, float, Float] | None = None
    beta = np.zeros(design.shape[1])
    for ridge in sorted(ridges, reverse=True):
        beta = _minimise(partial(loss, ridge=ridge), beta, curvature + ridge * np.diag(_penalised(np.ones(len(beta)))))
        on_held = float(theirs.losses(design[held] @ beta.astype(np.float32)).sum())
        if best is None or on_held < best[0]:
            best = (on_held, ridge, beta)
    assert best is not None  # noqa: S101  # there is at least one ridge
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    parts = np.split(best[2][1:], ends)
    return Additive(shapes, [shape.basis @ part for shape, part in zip(shapes, parts, strict=True)], best[1])


def _penalised(beta: Float) -> Float:
    """All but the constant."""
    return np.concatenate([[0.0], beta[1:]])


def _minimise(loss: Callable[[Float], tuple[float, Float]], start: Float, curvature: Float) -> Float:
    """The argument with the least loss, sought where the curvature at 0 is the identity: columns that say nearly the
    same thing then cost a few steps instead of a hundred.
    """
    jitter = 1e-6 * np.trace(curvature) / len(start)
    factor = cholesky(curvature + jitter * np.eye(len(start)), lower=True)

    def turned(z: Float) -> tuple[float, Float]:
        value, slope = loss(solve_triangular(factor, z, lower=True, trans="T"))
        return value, solve_triangular(factor, slope, lower=True)

    found = minimize(turned, factor.T @ start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "ftol": _GAIN})
    return np.asarray(solve_triangular(factor, found.x, lower=True, trans="T"))


def trees_of(shapes: Sequence[Shape], values: Sequence[Float], constant: float) -> list[str]:
    """The sum of ``values`` and the constant as bodies of trees in LightGBM's text format (without ``Tree=``)."""
    bodies = [_leaf(constant)]
    for shape, value in zip(shapes, values, strict=True):
        if np.abs(value).max() > 1e-12:
            bodies.append(_chain(shape, value) if shape.categorical else _balanced(shape, value))
    return bodies


def _leaf(value: float) -> str:
    return f"num_leaves=1\nnum_cat=0\nleaf_value={value!r}\nis_linear=0\nshrinkage=1"


class _Grown:
    """The arrays of a tree while it grows; children below 0 are leaves."""

    def __init__(self, value: Float, count: npt.NDArray[np.int64]) -> None:
        self.value, self.count = value, np.maximum(count, 1)
        self.threshold: list[str] = []
        self.decision: list[int] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.size: list[int] = []
        self.mean: list[float] = []

    def split(self, threshold: str, decision: int, size: int, mean: float) -> int:
        self.threshold.append(threshold)
        self.decision.append(decision)
        self.size.append(size)
        self.mean.append(mean)
        self.left.append(0)
        self.right.append(0)
        return len(self.left) - 1

    def text(self, column: int, sets: Sequence[int]) -> str:
        n = len(self.left)

        def line(name: str, items: Sequence[object]) -> str:
            return f"{name}=" + " ".join(map(str, items))

        lines = [
            f"num_leaves={n + 1}",
            f"num_cat={len(sets)}",
            line("split_feature", [column] * n),
            line("split_gain", [0] * n),
            line("threshold", self.threshold),
            line("decision_type", self.decision),
            line("left_child", self.left),
            line("right_child", self.right),
            line("leaf_value", [repr(float(v)) for v in self.value]),
            line("leaf_weight", self.count.tolist()),
            line("leaf_count", self.count.tolist()),
            line("internal_value", [repr(v) for v in self.mean]),
            line("internal_weight", self.size),
            line("internal_count", self.size),
        ]
        if sets:
            words = [[0] * (code // 32) + [1 << code % 32] for code in sets]
            lines.append(line("cat_boundaries", [0, *accumulate(map(len, words))]))
            lines.append(line("cat_threshold", [word for own in words for word in own]))
        return "\n".join([*lines, "is_linear=0", "shrinkage=1"])

    def mean_of(self, leaves: slice) -> tuple[int, float]:
        size = int(self.count[leaves].sum())
        return size, float(self.count[leaves] @ self.value[leaves] / size)


_NAN_LEFT, _NAN_RIGHT, _SET = 2 | 2 << 2, 2 << 2, 1 | 2 << 2  # decision types: missing is NaN and goes left or right


def _balanced(shape: Shape, value: Float) -> str:
    """Missing values first go to a leaf of their own, the bins lie under a balanced tree."""
    grown = _Grown(value, shape.count)
    last = len(value) - 1
    root = grown.split(repr(-1.7e308), _NAN_LEFT, *grown.mean_of(slice(0, last + 1)))
    grown.left[root] = ~last

    def grow(first: int, end: int) -> int:
        if end - first == 1:
            return ~first
        middle = (first + end) // 2
        node = grown.split(repr(float(shape.cuts[middle - 1])), _NAN_RIGHT, *grown.mean_of(slice(first, end)))
        grown.left[node] = grow(first, middle)
        grown.right[node] = grow(middle, end)
        return node

    grown.right[root] = grow(0, last)
    return grown.text(shape.column, ())


def _chain(shape: Shape, value: Float) -> str:
    """One split for each level that is told apart; what is left over goes to the last leaf."""
    grown = _Grown(value, shape.count)
    last = len(value) - 1
    for level in range(last):
        node = grown.split(str(level), _SET, *grown.mean_of(slice(level, last + 1)))
        grown.left[node] = ~level
        grown.right[node] = node + 1 if level + 1 < last else ~last
    return grown.text(shape.column, [int(code) for code in shape.cuts])
