"""The replay of ranking policies: whom they call, and what it costs."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from benchmarks.ranking.policies import POLICIES, Morning
from benchmarks.ranking.replay import Day, Market, cost_of, play
from model.curves import Curves
from model.decision import CallCosts

DAYS = np.arange(0.0, 31.0)


def morning(n: int, *, room: int = 1, **values: Any) -> Morning:
    """Leads of which the later ones buy sooner."""
    chance = np.linspace(0.2, 0.9, n)
    curves = Curves(DAYS, chance[:, None] * DAYS / 30, np.zeros((n, 31)))
    given = {"readiness": 100 * chance, "chance": chance, "value": np.full(n, np.nan), "age": np.arange(n) * 1.0}
    given |= {"elapsed": np.zeros(n), "offsets": [0, 1], "room": room, "costs": CallCosts(late=60, deal_value=100)}
    return Morning(curves=curves, **{**given, **values})  # type: ignore[arg-type]


def test_each_rule_takes_whom_it_names() -> None:
    at = morning(4, value=np.array([1e6, 1.0, 1.0, 1.0]))
    assert POLICIES["newest first"](at).tolist() == [0]
    assert POLICIES["readiness first"](at).tolist() == [3]
    assert POLICIES["value times readiness"](at).tolist() == [0]
    assert all(len(policy(at)) <= 1 for policy in POLICIES.values())


def test_a_score_that_is_older_comes_nearer_to_its_date() -> None:
    fresh, old = morning(1), morning(1, elapsed=np.full(1, 5.0))
    assert old.expected()[0][0, 0] == fresh.expected()[0][0, 5]


def test_a_lead_is_called_once_by_its_own_salesperson() -> None:
    at = morning(4, room=1)
    market = Market(
        cast("Any", None), cast("Any", None), 0, 30.0, list("abcd"), np.array(list("xyxy")), np.full(4, np.inf)
    )
    called = play(market, [Day(k, np.arange(4), at) for k in (0, 1, 4)], POLICIES["readiness first"])
    assert called.tolist() == [1, 1, 0, 0]


def test_costs_are_those_of_the_decision() -> None:
    bought = np.array([10.0, 10.0, 10.0, np.inf, np.inf])
    market = Market(cast("Any", None), cast("Any", None), 0, 30.0, list("abcde"), np.array(["x"] * 5), bought)
    called = np.array([4.0, 12.0, np.inf, 3.0, np.inf])
    unknown = np.full(5, np.nan)
    linear = cost_of(market, called, CallCosts(early=1, late=5, wasted_call=7), unknown)
    assert linear == pytest.approx([6, 10, 100, 7, 0])
    deals = CallCosts(early=1, wasted_call=7, early_cap=3, deal_lost_after=4, deal_value=80)
    assert cost_of(market, called, deals, unknown) == pytest.approx([3, 40, 80, 7, 0])
    assert cost_of(market, called, deals, np.full(5, 8.0)) == pytest.approx([3, 4, 8, 7, 0])
