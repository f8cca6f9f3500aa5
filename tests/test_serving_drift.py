"""Drift of the scores since the model took over."""

from __future__ import annotations

import math

import numpy as np
import pytest

from features.store import Store
from serving.background import drift, score_table


def put(store: Store, readiness: list[float]) -> float:
    """The index after these are the readiness of all open leads."""
    answers = [
        {"lead_id": f"L{i}", "model_version": "v", "owner": None, "priority": 0.0, "call_on": None, "readiness": value}
        for i, value in enumerate(readiness)
    ]
    with store.writing() as connection:
        score_table.remove_scores(connection, "1", sorted(score_table.scored_leads(connection, "1")))
        score_table.put_scores(connection, "1", answers, as_of=1, pos=1)
        found = score_table.set_in_service(connection)
        return math.nan if found is None else drift.since_taken_over(connection, found)


def begin(store: Store, readiness: list[float]) -> None:
    with store.writing() as connection:
        score_table.begin_set(connection, "1", "v", position=1, as_of=1)
    assert math.isnan(put(store, readiness)), "no set is in service"
    with store.writing() as connection:
        score_table.put_in_service(connection, "1", 2)


def test_it_is_zero_at_first_and_rises_with_the_change(store: Store) -> None:
    values = np.linspace(0, 100, 1_000).tolist()
    begin(store, values)
    assert put(store, values) == pytest.approx(0, abs=1e-9)
    little, much = put(store, [v * 0.95 for v in values]), put(store, [v * 0.4 for v in values])
    assert 0 < little < 0.1
    assert much > 0.25


def test_values_that_are_all_the_same_have_no_drift(store: Store) -> None:
    begin(store, [0.0] * 50)
    assert put(store, [0.0] * 9) == pytest.approx(0)
    assert put(store, [7.0] * 9) > 1


def test_without_leads_nothing_is_known(store: Store) -> None:
    begin(store, [])
    assert math.isnan(put(store, [1.0]))
