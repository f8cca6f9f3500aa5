"""What came back from sales, by the channel or campaign through which leads came: endings, calls, rejected handoffs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from features.history import Int64
from features.lives import GONE
from model.measurement.incidence import share_within
from model.measurement.journeys import NO_CHANNEL, Bool, Journeys
from model.measurement.period import Period
from model.measurement.told import MOST_SATISFIED
from model.metrics.bootstrap import Estimate

DISPOSITIONS = ("too_early", "on_time", "too_late", "not_a_buyer", "wrong_person", "no_answer")
TIMED = ("too_early", "on_time", "too_late")  # which say something of the date
Key = tuple[str | None, str | None]


@dataclass(frozen=True)
class Feedback:
    """Of the leads that came through one channel (and campaign); ``channel`` None: not through marketing.

    ``dispositions``: calls that ended so, by DISPOSITIONS; ``other``: calls with another word or none. Shares: of
    the calls whose timing was told. ``rejected``: of the leads handed over, those that sales gave back since; no share
    where the log holds no rejection at all.
    """

    channel: str | None
    campaign: str | None
    wins: int
    lost: int
    answers: int
    satisfaction: Estimate | None
    calls: int
    dispositions: dict[str, int]
    other: int
    on_time_share: Estimate | None
    too_early_share: Estimate | None
    handed_over: int
    rejected: int
    rejected_share: Estimate | None


@dataclass(frozen=True)
class Reason:
    """Why leads ended, or were given back; ``share``: of those of this outcome. ``reason`` None: not told."""

    outcome: Literal["purchased", "lost", "rejected"]
    reason: str | None
    leads: int
    share: Estimate


def feedback(data: Journeys, period: Period, by: Literal["channel", "campaign"]) -> list[Feedback]:
    """All together first. Endings, calls and handoffs count by when they happened."""
    keys = _keys(data, by)
    of_key = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    code = np.array([of_key[key] for key in keys], dtype=np.int64)
    found = [_feedback(data, period, (None, None), np.ones(len(keys), dtype=bool))]
    each = [_feedback(data, period, key, code == i) for key, i in of_key.items()]
    some = [one for one in each if one.wins or one.lost or one.calls or one.handed_over]
    return found + sorted(some, key=lambda one: (one.channel is None, -one.wins, -one.calls, one.channel or "",
                                                 one.campaign or ""))  # fmt: skip


def reasons(data: Journeys, period: Period) -> list[Reason]:
    """Endings, and leads given back, by when that happened; a lead given back several times counts once, as last."""
    ended = period.holds(data.ended_at)
    told = data.told
    last = {
        int(lead): reason
        for lead, reason, held in zip(told.rejected_lead, told.rejected_reason, period.holds(told.rejected_at),
                                      strict=True)
        if held
    }  # fmt: skip
    found: list[Reason] = []
    outcomes: tuple[tuple[Literal["purchased", "lost", "rejected"], dict[int, str | None]], ...] = (
        ("purchased", {int(i): told.reason[i] for i in np.flatnonzero(ended & data.won)}),
        ("lost", {int(i): told.reason[i] for i in np.flatnonzero(ended & (data.outcome == GONE))}),
        ("rejected", last),
    )
    for outcome, said in outcomes:
        accounts = _accounts(data, np.array(list(said), dtype=np.int64))
        counts = Counter(said.values())
        for reason, n in sorted(counts.items(), key=lambda item: (-item[1], item[0] is None, item[0] or "")):
            found.append(Reason(outcome, reason, n, share_within(n / len(said), [], accounts)))
    return found


def mean_within(values: npt.ArrayLike, account: npt.ArrayLike, most: float) -> Estimate | None:
    """The mean of values in [0, ``most``] with Student's 95 % interval, leads of one account taken as one draw.

    Variance of the mean: G / (G - 1) x sum over the G accounts of (sum of deviations)^2 / n^2 (Liang and Zeger,
    Biometrika 73 (1986), 13-22), G - 1 degrees of freedom. The ends are NaN for fewer than two accounts, and where all
    values are the same: how much they differ is not known then. None without a value.
    """
    x = np.asarray(values, dtype=np.float64)
    if not len(x):
        return None
    mean = float(x.mean())
    _, code = np.unique(np.asarray(account), return_inverse=True)
    sums = np.bincount(code, weights=x - mean)
    n_accounts = len(sums)
    if n_accounts < 2 or np.ptp(x) == 0:
        return Estimate(mean, float("nan"), float("nan"))
    error = float(np.sqrt(n_accounts / (n_accounts - 1) * (sums**2).sum())) / len(x)
    half = float(student.ppf(0.975, n_accounts - 1)) * error
    return Estimate(mean, max(mean - half, 0.0), min(mean + half, most))


def _feedback(data: Journeys, period: Period, key: Key, mine: Bool) -> Feedback:
    ended = period.holds(data.ended_at) & mine
    rated = ended & data.won & np.isfinite(data.told.satisfaction)
    calls = np.flatnonzero(period.holds(data.calls.at) & mine[data.calls.lead])
    word = np.array([data.told.disposition[i] or "" for i in calls.tolist()], dtype=object)
    said = {name: int((word == name).sum()) for name in DISPOSITIONS}
    timed = data.calls.lead[calls[np.isin(word, TIMED)]]
    handoffs = period.holds(data.handoffs.at) & ~data.handoffs.held_out & mine[data.handoffs.lead]
    handed = data.handoffs.first(handoffs)
    lead = data.handoffs.lead[handed]
    back = data.told.gave_back[lead] >= data.handoffs.at[handed]
    return Feedback(
        channel=key[0],
        campaign=key[1],
        wins=int((ended & data.won).sum()),
        lost=int((ended & (data.outcome == GONE)).sum()),
        answers=int(rated.sum()),
        satisfaction=mean_within(data.told.satisfaction[rated], data.account[rated], MOST_SATISFIED),
        calls=len(calls),
        dispositions=said,
        other=len(calls) - sum(said.values()),
        on_time_share=_share(data, said["on_time"], timed),
        too_early_share=_share(data, said["too_early"], timed),
        handed_over=len(lead),
        rejected=int(back.sum()),
        rejected_share=_share(data, int(back.sum()), lead) if len(data.told.rejected_lead) else None,
    )


def _share(data: Journeys, count: int, lead: Int64) -> Estimate | None:
    """Wilson's interval for as many rows as there are accounts: what happens within one is hardly new."""
    return share_within(count / len(lead), [], _accounts(data, lead)) if len(lead) else None


def _accounts(data: Journeys, lead: Int64) -> int:
    return len(np.unique(data.account[lead]))


def _keys(data: Journeys, by: Literal["channel", "campaign"]) -> list[Key]:
    """(n,): through which channel each lead came, and by which campaign."""
    channel = [None if code == NO_CHANNEL else data.channels[code] for code in data.source.tolist()]
    if by == "channel":
        return [(name, None) for name in channel]
    touches = data.touches
    found: list[Key] = []
    for name, begin in zip(channel, touches.start[:-1].tolist(), strict=True):
        campaign = NO_CHANNEL if name is None else int(touches.campaign[begin])
        found.append((name, None if campaign == NO_CHANNEL else data.campaigns[campaign]))
    return found
