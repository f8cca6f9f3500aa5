"""Working days played with one policy: who is called when, and what it cost in the end."""

from __future__ import annotations

import numpy as np

from benchmarks.ranking.board import MISSED, Board, Counting
from benchmarks.ranking.policies import Policy
from model.curves import Float


def play(board: Board, policy: Policy, room: int, counting: Counting) -> Float:
    """(m,) days from the first morning to the call of each lead, infinite without one; none is called twice."""
    called = np.full(len(board.leads), np.inf)
    for day in board.mornings:
        morning = board.morning(day, called, room, counting)
        owner = board.owner[morning.lead]
        for own in np.unique(owner):
            mine = np.flatnonzero(owner == own)
            called[morning.lead[mine[policy(morning.of(mine))]]] = day
    return called


def cost_of(board: Board, called: Float, counting: Counting) -> Float:
    """(m,) what came of it. Purchases after the last morning that no call came before are nobody's loss yet."""
    costs, until = board.costs, board.mornings[-1] + 1
    is_called = np.isfinite(called)
    end = np.where(np.isfinite(board.bought), board.bought, 0.0)
    gap = end - np.where(is_called, called, until)
    early = np.maximum(gap - costs.lead_time, 0.0) * costs.early
    early = np.minimum(early, np.inf if costs.early_cap is None else costs.early_cap)
    most, days = costs.most_days_late(board.horizon), np.maximum(costs.lead_time - gap, 0.0)
    rate = costs.late if costs.deal_lost_after is None else board.worth / costs.deal_lost_after
    late = rate * np.minimum(days, most)
    bought = np.isfinite(board.bought)
    followed = bought & is_called & (gap <= board.horizon)
    missed = bought & ~is_called & (board.bought < until)
    unreached = rate * most if counting == MISSED else late
    return np.where(followed, early + late, np.where(is_called, costs.wasted_call, np.where(missed, unreached, 0.0)))
