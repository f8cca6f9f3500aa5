"""How alike leads are to the model: bounds, symmetry, and what is usual."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.likeness import likeness, nearer_than, usual_likeness

LEAVES = st.tuples(st.integers(2, 40), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 3))
)


@given(LEAVES)
def test_likeness_is_a_share_that_is_whole_for_the_same_leaves_and_symmetric(leaves: np.ndarray) -> None:
    found = np.array([likeness(row, leaves) for row in leaves])
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diag(found) == 1).all()
    assert (found == found.T).all()


@given(LEAVES)
def test_nearer_than_rises_with_likeness_and_is_a_share_of_pairs(leaves: np.ndarray) -> None:
    usual = usual_likeness(leaves)
    assert (np.diff(usual) >= 0).all()
    near = nearer_than(usual, np.linspace(0, 1, 21))
    assert ((near >= 0) & (near <= 1)).all()
    assert (np.diff(near) >= 0).all()
    i, j = np.triu_indices(len(leaves), 1)
    pairs = (leaves[i] == leaves[j]).mean(axis=1)
    assert nearer_than(usual, np.array([pairs.min()]))[0] == 0, "no pair is less alike than the least alike"
    if pairs.max() < 1:
        assert nearer_than(usual, np.array([1.0]))[0] == 1


def test_fewer_than_two_rows_say_nothing_of_what_is_usual() -> None:
    assert usual_likeness(np.zeros((1, 4), dtype=np.uint8)).shape == (0,)
