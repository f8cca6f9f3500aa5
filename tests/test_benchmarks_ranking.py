"""The replay of ranking policies: whom they call, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from seen_leads import seen

from benchmarks.backtest.pooled import pooled_draws
from benchmarks.ranking.board import MISSED, REACHED, Board
from benchmarks.ranking.play import cost_of, play
from benchmarks.ranking.policies import POLICIES
from model.decision import CallCosts


def first(policy: str, room: int = 1) -> list[int]:
    board = Board(seen(), CallCosts(late=60.0), salespeople=1)
    morning = board.morning(0, np.full(4, np.inf), room, MISSED)
    return morning.lead[POLICIES[policy](morning)].tolist()


def test_each_rule_takes_whom_it_names() -> None:
    assert first("newest first") == [3]
    assert first("readiness first") == [3]
    assert first("value times readiness") == [0]
    assert first("value times chance in 30 days", room=2) == [0, 3]
    assert all(len(first(policy, room=2)) <= 2 for policy in POLICIES)


def test_what_was_bought_leaves_the_list_or_stays_with_dates_that_come_nearer() -> None:
    board, nobody = Board(seen(), CallCosts(), salespeople=1), np.full(4, np.inf)
    assert board.morning(7, nobody, 1, MISSED).lead.tolist() == [1, 2, 3]
    stays = board.morning(7, nobody, 1, REACHED)
    assert stays.lead.tolist() == [1, 2, 3, 0]
    last = board.morning(4, nobody, 1, MISSED)  # a Friday: the Monday after is three days on
    assert stays.dated.cost[3, 0] == pytest.approx(last.dated.cost[0, 1])


def test_a_lead_is_called_once_by_its_own_salesperson() -> None:
    board = Board(seen((np.inf,) * 4), CallCosts(), salespeople=2)
    called = play(board, POLICIES["readiness first"], 1, MISSED)
    assert called.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("counting", "unreached"), [(MISSED, 150.0), (REACHED, 5 * (30 - 20.5))])
def test_a_purchase_without_a_call_costs_what_is_assumed(counting, unreached: float) -> None:
    board = Board(seen(), CallCosts(early=1.0, late=5.0, wasted_call=7.0), salespeople=1)
    assert board.mornings[-1] == 29
    cost = cost_of(board, np.array([1.0, 14.0, np.inf, 3.0]), counting)
    assert cost == pytest.approx([3.5, 5 * 3.5, unreached, 7.0])
    assert cost_of(board, np.array([1.0, 14.0, np.inf, np.inf]), counting)[3] == 0


def test_deals_cost_their_share_of_the_value() -> None:
    costs = CallCosts(early=1.0, wasted_call=7.0, early_cap=3.0, deal_lost_after=4.0, deal_value=80.0)
    board = Board(seen((9.0, 9.0, 9.0, 40.0), days=20), costs, salespeople=1)
    cost = cost_of(board, np.array([12.0, 1.0, np.inf, np.inf]), MISSED)
    assert cost == pytest.approx([0.75e6, 3.0, 1.0, 0.0])


def test_differences_are_paired_and_seeds_are_drawn() -> None:
    rng = np.random.default_rng(0)
    base = [rng.normal(10 * seed, 1, size=(50, 1)) for seed in range(3)]
    draws = pooled_draws([np.hstack([cost, cost + 2]) for cost in base])
    assert draws[:, 1] - draws[:, 0] == pytest.approx(np.full(len(draws), 2.0))
    assert draws[:, 0].std() > 3  # the seeds differ more than their leads do
