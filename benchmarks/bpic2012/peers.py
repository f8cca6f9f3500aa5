"""The methods to compare with, each given the training cases as known at the cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.bpic2012.log import Adapted, answers, requests
from benchmarks.bpic2012.peer import Float, fit_peer, score_peer, view
from benchmarks.prediction.peers.groups import curves_by_group
from model.aalen_johansen import AalenJohansen
from model.curves import Curves
from model.frame import endings


@dataclass(frozen=True, eq=False)
class Training:
    """Training cases on the fixed days, ``asked`` (lead_id, as_of, day), with labels cut at ``cut``."""

    asked: pd.DataFrame
    duration: Float
    outcome: np.typing.NDArray[np.int64]
    cut: pd.Timestamp


def training_rows(adapted: Adapted, *, days: tuple[int, ...], cut: pd.Timestamp) -> Training:
    """Open cases on each of ``days`` that came before ``cut``."""
    asked = requests(adapted, days=days, start=pd.Timestamp(0, tz="UTC"), follow_up=0)
    asked = asked[asked["as_of"] < cut].reset_index(drop=True)
    known = answers(adapted, asked)
    followed = (cut - asked["as_of"]).dt.total_seconds() / 86_400
    late = (known["duration"] > followed).to_numpy()
    return Training(
        asked=asked,
        duration=np.where(late, followed, known["duration"]),
        outcome=np.where(late, 0, known["outcome"]),
        cut=cut,
    )


def aalen_johansen_curves(training: Training, test: pd.DataFrame, horizons: tuple[int, ...]) -> Curves:
    """The same curve for every row."""
    model = AalenJohansen(horizons).fit(None, endings(training.outcome, training.duration))
    return model.predict_curves(np.empty((len(test), 0)))


def by_age_curves(training: Training, test: pd.DataFrame, horizons: tuple[int, ...]) -> Curves:
    """One Aalen-Johansen curve for each of the fixed days: all that a case's age tells."""
    purchased = lost = days = np.empty(0)
    for day in sorted(test["day"].unique()):
        own = (training.asked["day"] == day).to_numpy()
        model = AalenJohansen(horizons).fit(None, endings(training.outcome[own], training.duration[own]))
        if not len(days):
            days = model.days_
            purchased, lost = np.zeros((len(test), len(days))), np.zeros((len(test), len(days)))
        rows = (test["day"] == day).to_numpy()
        purchased[rows], lost[rows] = model.purchased_, model.lost_
    return Curves(days, purchased, lost)


def naive_bayes_curves(
    adapted: Adapted, training: Training, test: pd.DataFrame, horizons: tuple[int, ...], *, as_shipped: bool
) -> Curves:
    """Odoo's score, given time by ``curves_by_group``.

    ``as_shipped``: it counts closed cases with their values as at closing; else as on the fixed days, as they are
    when a score is wanted.
    """
    ended = adapted.outcomes[adapted.outcomes["at"] < training.cut]
    if as_shipped:
        closed = pd.DataFrame({"lead_id": ended["lead_id"], "as_of": ended["at"]})
    else:
        closed = training.asked[training.asked["lead_id"].isin(ended["lead_id"])]
    won = closed["lead_id"].isin(ended["lead_id"][ended["outcome"] == "purchased"]).to_numpy()
    peer = fit_peer(adapted, closed, won)
    known, asked = score_peer(peer, view(adapted, training.asked)), score_peer(peer, view(adapted, test))
    grid = np.arange(0.0, horizons[-1] + 1)
    purchased, _ = curves_by_group(known, training.duration, training.outcome, asked, grid)
    return Curves(grid, purchased, np.zeros_like(purchased))
