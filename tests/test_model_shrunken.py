"""Curves and windows from very few purchases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.curves import Float
from model.discrete import baseline_hazards
from model.frame import endings
from model.grid import bin_edges
from model.hazard import PurchaseHazard
from model.shrunken import ShrunkenHazard, shrunken_hazards
from model.window import Windows

EDGES = np.array(bin_edges((7, 30, 90)))


def draw(n: int, seed: int, fast: float = 60, slow: float = 60) -> tuple[npt.NDArray[np.int8], Float]:
    """Half of the leads buy at one in ``fast`` days, half at one in ``slow``; losses come at one in 90."""
    rng = np.random.default_rng(seed)
    bought = rng.exponential(np.where(rng.random(n) < 0.5, slow, fast))
    lost, followed = rng.exponential(90, n), rng.uniform(5, 90, n)
    duration = np.minimum(np.minimum(bought, lost), followed)
    return np.where(duration == bought, 1, np.where(duration == lost, 2, 0)).astype(np.int8), duration


def plain(outcome: npt.NDArray[np.int8], duration: Float) -> Float:
    """Aalen-Johansen."""
    return baseline_hazards(outcome, duration, np.ones(len(duration)), EDGES)


def incidence(hazards: Float) -> Float:
    stay = np.cumprod((1 - hazards[0]) * (1 - hazards[1]))
    return np.cumsum(np.concatenate([[1.0], stay[:-1]]) * hazards[0])


@given(st.integers(1, 60), st.integers(0, 20))
def test_hazards_are_probabilities_and_above_zero(n: int, seed: int) -> None:
    found = shrunken_hazards(*draw(n, seed), EDGES, leads=n)
    assert found.shape == (2, len(EDGES) - 1)
    assert np.all((found > 0) & (found < 1))


def test_much_data_is_believed() -> None:
    outcome, duration = draw(60_000, 1)
    own = shrunken_hazards(outcome, duration, EDGES, leads=60_000)
    assert np.abs(incidence(own) - incidence(plain(outcome, duration))).max() < 0.005


def test_landmarks_of_the_same_lead_are_no_further_leads() -> None:
    outcome, duration = draw(30, 2)
    once = shrunken_hazards(outcome, duration, EDGES, leads=30)
    again = shrunken_hazards(np.tile(outcome, 8), np.tile(duration, 8), EDGES, leads=30)
    assert again == pytest.approx(once)


@pytest.mark.parametrize(("fast", "slow"), [(60, 60), (12, 200)], ids=["constant rate", "falling rate"])
@pytest.mark.parametrize("n", [15, 60])
def test_of_few_leads_it_errs_less_than_aalen_johansen(n: int, fast: float, slow: float) -> None:
    truth = incidence(plain(*draw(200_000, 1_000, fast, slow)))
    errors = np.zeros(2)
    for seed in range(150):
        outcome, duration = draw(n, seed, fast, slow)
        for k, found in enumerate((shrunken_hazards(outcome, duration, EDGES, leads=n), plain(outcome, duration))):
            errors[k] += float(((incidence(found) - truth) ** 2).mean())
    assert errors[0] < 0.95 * errors[1]


def test_its_files_are_those_of_a_hazard_without_trees() -> None:
    outcome, duration = draw(30, 3)
    made = ShrunkenHazard((7, 30, 90)).fit(np.zeros((30, 1)), endings(outcome, duration))
    state, texts = made.to_files()
    assert texts == {}
    read = PurchaseHazard.from_files(state, texts)
    same = (each.predict_curves(np.zeros((2, 1))).purchased for each in (made, read))
    assert np.array_equal(*same)


@pytest.mark.parametrize("purchasers", [5, 10, 20, 40])
def test_widened_windows_cover_the_next_purchase_as_often_as_asked(purchasers: int) -> None:
    rng = np.random.default_rng(0)
    widened, nominal = Windows.widened(0.8, purchasers), Windows.nominal(0.8)
    covered = {"widened": 0, "nominal": 0}
    for _ in range(4_000):
        seen, following = rng.random(purchasers), rng.random()
        for name, windows in (("widened", widened), ("nominal", nominal)):
            low, high = np.quantile(seen, [windows.low[0], windows.high[0]], method="weibull")
            covered[name] += low <= following <= high
    assert widened.low[0] < nominal.low[0]
    # below 5 purchasers not even all that was seen is wide enough
    assert covered["widened"] / 4_000 > min(0.8, (purchasers - 1) / (purchasers + 1)) - 0.02
    assert widened.low[0] == pytest.approx(1 - widened.high[0])
