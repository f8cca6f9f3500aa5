"""An ensemble of hazards, each fitted without a part of the leads and judged by it.

One pass does four things. The leads that a member has not seen say how many trees it should have, how much its boosted
trees and its additive regression count, and how far to trust both (*stacking*: Wolpert 1992). The mean of the members
is the model (a bag over leads). And each lead has a prediction by members that have not seen it, from which
calibration and windows are learned on the newest rows without keeping them from the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from model.additive import Additive, Codes, Shape, codes_of, fit_additive, trees_of
from model.boosters import Grown, Ints, Task, assemble, bodies, grow
from model.curves import Float
from model.discrete import expit
from model.person_period import Rows

Int64 = npt.NDArray[np.int64]
FOLDS = 4
_REPEATS = 3  # of the partition where rows are few, for then a single one is a draw of luck
_FEW_ROWS = 15_000  # expanded rows below which the partition is repeated and trees are counted over all members
_ADDITIVE_ROWS = 25_000  # rows that a regression is fitted on; it has few numbers to find
_RIDGES = (300.0, 30.0, 3.0)
_PATIENCE, _FEW_TREES = 30, 200
DATA_OPTIONS = {"max_bin": 63, "min_data_in_bin": 5, "feature_pre_filter": False, "verbose": -1}  # of every data set
_TASK = ("label", "weight", "offset")


@dataclass(frozen=True, eq=False)
class Draw:
    """The expanded rows that one member is fitted on and judged by. ``lead``: (n,) of each row; ``tasks`` by ending."""

    source: Rows
    lead: Int64
    tasks: dict[int, Task]


@dataclass(frozen=True)
class Blend:
    """How the scores of an ending are combined: constant + boosted x trees + additive x regression, all x ``trust``.

    ``trust``: 1 - (standard error / gain)^2, at least 0: the positive-part shrinkage of James and Stein, applied to the
    gain in log likelihood over the curve without features, with its standard error over leads. 0: features have shown
    nothing.
    """

    n_trees: int
    boosted: float
    additive: float
    constant: float
    trust: float


@dataclass(frozen=True, eq=False)
class Ensemble:
    """``texts``: by ending the mean of the members, in LightGBM's format. ``held_out``: for each repeat the part of
    each lead, and for each part the texts of the member that has not seen it.
    """

    blends: dict[int, Blend]
    texts: dict[int, str]
    held_out: list[tuple[Int64, list[dict[int, str]]]]


@dataclass(eq=False)
class _Member:
    """What a member says of one ending: of ``judged`` rows by leads that it has not seen."""

    grown: Grown
    additive: Additive
    judged: Task
    lead: Int64
    rows: Callable[[Ints], Float]
    which: Ints
    linear: Float
    boosted: Float = field(default_factory=lambda: np.empty(0))


def parts_of(lead_endings: npt.NDArray[np.int8], seed: int) -> Int64:
    """(leads,): a part 0 .. FOLDS - 1 for each lead; each kind of ending is dealt out evenly."""
    rng = np.random.default_rng(seed)
    part = np.empty(len(lead_endings), dtype=np.int64)
    start = 0
    for kind in np.unique(lead_endings):
        of_kind = rng.permutation(np.flatnonzero(lead_endings == kind))
        part[of_kind] = (start + np.arange(len(of_kind))) % FOLDS
        start += len(of_kind)
    return part


def cross_fit(
    draw: Callable[[int], Draw],
    *,
    lead_endings: npt.NDArray[np.int8],
    cuts: lgb.Dataset,
    shapes: Sequence[Shape],
    endings: Sequence[int],
    params: dict[int, dict[str, Any]],
    max_trees: int,
    seed: int,
) -> Ensemble:
    """``draw(k)``: the rows of the k-th member. ``cuts``: a data set whose bins all members share."""
    first = draw(seed)
    few = len(first.source) < _FEW_ROWS
    partitions = [parts_of(lead_endings, seed + r) for r in range(_REPEATS if few else 1)]
    members: dict[int, list[_Member]] = {ending: [] for ending in endings}
    for r, part in enumerate(partitions):
        for k in range(FOLDS):
            number = r * FOLDS + k
            drawn = first if few or number == 0 else draw(seed + number)
            _fit_member(drawn, part, k, members, cuts=cuts, shapes=shapes, params=params, few=few, max_trees=max_trees)
    blends = {ending: _blend(members[ending]) for ending in endings}
    trusted = [ending for ending in endings if blends[ending].trust > 0]
    texts = {e: _text(members[e], blends[e], shapes, share=1 / len(members[e])) for e in trusted}
    held_out = [
        (
            part,
            [
                {e: _text([members[e][r * FOLDS + k]], blends[e], shapes, share=1.0) for e in trusted}
                for k in range(FOLDS)
            ],
        )
        for r, part in enumerate(partitions)
    ]
    return Ensemble(blends, texts, held_out)


def _fit_member(
    drawn: Draw,
    part: Int64,
    k: int,
    members: dict[int, list[_Member]],
    *,
    cuts: lgb.Dataset,
    shapes: Sequence[Shape],
    params: dict[int, dict[str, Any]],
    few: bool,
    max_trees: int,
) -> None:
    held = part[drawn.lead] == k
    fitted, judged = np.flatnonzero(~held), np.flatnonzero(held)
    data = lgb.Dataset(drawn.source.part(fitted), reference=cuts, params=DATA_OPTIONS).construct()
    judge = lgb.Dataset(drawn.source.part(judged), reference=cuts, params=DATA_OPTIONS).construct()
    # the regression takes a random part of the rows, sorted so that a slice of them is made at a time
    chosen = np.sort(np.random.default_rng(k).permutation(fitted)[:_ADDITIVE_ROWS])
    codes, judge_codes = _codes(shapes, drawn.source, chosen), _codes(shapes, drawn.source, judged)
    for ending, found in members.items():
        task = drawn.tasks[ending]
        own = task.rows(judged)
        grown = grow(
            data,
            task.rows(fitted),
            judge,
            own,
            params=params[ending] | {"seed": params[ending]["seed"] + len(found)},
            max_trees=min(max_trees, _FEW_TREES) if few else max_trees,
            patience=0 if few else _PATIENCE,
        )
        # where rows are many the first member's ridge does for all, where they are few those of the first partition
        searched = FOLDS if few else 1
        ridges = _RIDGES if len(found) < searched else (found[len(found) % searched].additive.ridge,)
        additive = _regress(shapes, task.rows(chosen), codes, own, judge_codes, ridges=ridges)
        source = drawn.source
        found.append(
            _Member(grown, additive, own, drawn.lead[judged], source.__getitem__, judged, additive.scores(judge_codes))
        )


def _regress(
    shapes: Sequence[Shape], task: Task, codes: Codes, judge: Task, judge_codes: Codes, *, ridges: Sequence[float]
) -> Additive:
    """Fitted on the rows at risk of this ending; the ridge is chosen by (at most as many) rows of unseen leads."""
    mine = np.flatnonzero(task.weight > 0)
    theirs = np.flatnonzero(judge.weight > 0)[:: max(1, len(judge.weight) // _ADDITIVE_ROWS)]
    ours, others = task.rows(mine), judge.rows(theirs)
    both = Task(*(np.concatenate([getattr(part, name) for part in (ours, others)]) for name in _TASK))
    is_judge = np.arange(len(both.label)) >= len(mine)
    return fit_additive(shapes, np.concatenate([codes[mine], judge_codes[theirs]]), both, is_judge, ridges)


def _codes(shapes: Sequence[Shape], source: Rows, which: Ints) -> Codes:
    slices = [which[i : i + 16_384] for i in range(0, len(which), 16_384)]
    return np.concatenate([codes_of(shapes, source[own]) for own in slices])


def _blend(members: Sequence[_Member]) -> Blend:
    """The number of trees with the least loss over all members, and the weights with the least loss given it."""
    length = min(len(member.grown.losses) for member in members)
    n_trees = int(np.argmin(np.sum([member.grown.losses[:length] for member in members], axis=0))) + 1
    for member in members:
        member.boosted = _predict(member, n_trees)
    task = Task(*(np.concatenate([getattr(m.judged, name) for m in members]) for name in _TASK))
    boosted, additive = (np.concatenate([getattr(m, name) for m in members]) for name in ("boosted", "linear"))
    scale = 1.0 / task.weight.sum()

    def loss(beta: Float) -> tuple[float, Float]:
        score = beta[0] * boosted + beta[1] * additive + beta[2]
        residual = task.weight * (expit(task.offset + score) - task.label)
        slope = np.array([residual @ boosted, residual @ additive, residual.sum()])
        return float(task.losses(score).sum()) * scale, slope * scale

    found = minimize(loss, np.array([0.5, 0.5, 0.0]), jac=True, bounds=[(0.0, 1.2), (0.0, 1.2), (-1.0, 1.0)]).x
    gain = task.losses(np.zeros(len(boosted))) - task.losses(found[0] * boosted + found[1] * additive + found[2])
    lead = np.concatenate([member.lead for member in members])
    by_lead = np.bincount(lead, weights=gain)[np.unique(lead)]
    total, error = float(by_lead.sum()), float(np.sqrt(len(by_lead)) * by_lead.std())
    trust = max(0.0, 1.0 - (error / total) ** 2) if total > 0 else 0.0
    return Blend(n_trees, float(found[0]), float(found[1]), float(found[2]), trust)


def _predict(member: _Member, n_trees: int) -> Float:
    out = np.empty(len(member.which))
    for first in range(0, len(out), 65_536):
        part = slice(first, first + 65_536)
        out[part] = member.grown.booster.predict(
            member.rows(member.which[part]), raw_score=True, num_iteration=n_trees, num_threads=1
        )
    return out


def _text(members: Sequence[_Member], blend: Blend, shapes: Sequence[Shape], *, share: float) -> str:
    factor = blend.trust * share
    texts = [member.grown.booster.model_to_string(num_iteration=blend.n_trees) for member in members]
    trees = [body for text in texts for body in bodies(text, factor * blend.boosted)] if blend.boosted else []
    values = [
        np.sum(own, axis=0) * factor * blend.additive for own in zip(*(m.additive.values for m in members), strict=True)
    ]
    return assemble(texts[0], [*trees, *trees_of(shapes, values, blend.trust * blend.constant)])
