"""The truth: what it predicts happens as often as it says, and it is the best forecast there is."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pytest

from features.errors import InputError
from features.events import DAY
from features.sources.simulator import LATENT, OBSERVED, WORLDS, Truth, true_curves, true_hazards
from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import Journeys, draw_journeys

Float = npt.NDArray[np.float64]
SPAN = Span(date(2026, 11, 1), 540)
LEADS = 8000
AS_OF_DAYS = (200, 320, 440)
HORIZONS = (7, 30, 90)


class Asked:
    """Open leads of one world at three dates with their true curves and what became of them."""

    def __init__(self, world: str, given: str) -> None:
        truth = Truth(LEADS, 11, WORLDS[world], SPAN)
        journeys = draw_journeys(0, LEADS, seed=11, world=WORLDS[world], span=SPAN)
        self.curves: list[tuple[Float, Float]] = []
        self.ended: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = []
        self.leads = [open_leads(journeys, day) for day in AS_OF_DAYS]
        self.journeys = journeys
        for day, leads in zip(AS_OF_DAYS, self.leads, strict=True):
            as_of = SPAN.start_micros + day * DAY
            self.curves.append(true_curves(truth, ids(leads), as_of, HORIZONS, given=given))
            after = journeys.ends[leads, 1] - day + 1
            within = after[:, None] <= np.array(HORIZONS)
            outcome = journeys.ends[leads, 0][:, None]
            self.ended.append((within & (outcome == 1), within & (outcome == 2)))


def open_leads(journeys: Journeys, day: int) -> npt.NDArray[np.int64]:
    return np.flatnonzero((journeys.people.created < day) & (journeys.ends[:, 1] >= day))


def ids(leads: npt.NDArray[np.int64]) -> list[str]:
    return [f"L{lead:08d}" for lead in leads]


@pytest.fixture(scope="module")
def asked() -> dict[tuple[str, str], Asked]:
    return {
        (world, given): Asked(world, given)
        for world, given in (("rich", LATENT), ("rich", OBSERVED), ("slipping", OBSERVED), ("drifting", LATENT))
    }


CASES = [("rich", LATENT), ("rich", OBSERVED), ("slipping", OBSERVED), ("drifting", LATENT)]


def standardised(happened: npt.NDArray[np.bool_], predicted: Float) -> float:
    """How many standard errors the number that happened lies above the one predicted."""
    spread = np.sqrt(max((predicted * (1 - predicted)).sum(), 1.0))
    return float((happened.sum() - predicted.sum()) / spread)


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_as_many_buy_and_leave_as_the_truth_says(asked: dict[tuple[str, str], Asked], case: tuple[str, str]) -> None:
    for curves, ended in zip(asked[case].curves, asked[case].ended, strict=True):
        for predicted, happened in zip(curves, ended, strict=True):
            for h in range(len(HORIZONS)):
                # colleagues share their need, so sums spread somewhat more than independent leads would
                assert abs(standardised(happened[:, h], predicted[:, h])) < 4.5


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_calibrated_in_every_band_of_the_prediction(asked: dict[tuple[str, str], Asked], case: tuple[str, str]) -> None:
    curves, ended = asked[case].curves, asked[case].ended
    for ending in (0, 1):
        for h in range(len(HORIZONS)):
            predicted = np.concatenate([c[ending][:, h] for c in curves])
            happened = np.concatenate([e[ending][:, h] for e in ended])
            edges = np.unique(np.quantile(predicted, np.linspace(0, 1, 9)))
            band = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, len(edges) - 2)
            z = [standardised(happened[band == b], predicted[band == b]) for b in range(len(edges) - 1)]
            assert np.abs(z).max() < 5


def test_salespeople_and_annoyance_are_in_the_truth(asked: dict[tuple[str, str], Asked]) -> None:
    """Calibrated also among the leads of each salesperson, skilled or not."""
    case = asked["rich", LATENT]
    predicted = np.concatenate([c[0][:, 2] for c in case.curves])
    happened = np.concatenate([e[0][:, 2] for e in case.ended])
    owner = np.concatenate([case.journeys.people.owner[leads] for leads in case.leads])
    z = [standardised(happened[owner == o], predicted[owner == o]) for o in range(10)]
    assert np.abs(z).max() < 4.5


def expected_brier(truth: Float, forecast: Float) -> float:
    """The mean Brier score that a forecast has in expectation under the truth: no chance left in it."""
    return float((truth * (1 - truth) + (forecast - truth) ** 2).mean())


def test_what_can_be_seen_reaches_most_of_the_truth_where_engagement_is_rich(
    asked: dict[tuple[str, str], Asked],
) -> None:
    latent = np.concatenate([c[0] for c in asked["rich", LATENT].curves])
    observed = np.concatenate([c[0] for c in asked["rich", OBSERVED].curves])
    plain = expected_brier(latent, np.broadcast_to(latent.mean(axis=0), latent.shape))
    skill = 1 - expected_brier(latent, latent) / plain
    reachable = 1 - expected_brier(latent, observed) / plain
    assert skill > 0.3
    assert 0.95 * skill < reachable < skill


def test_honest_deadlines_narrow_the_true_window_to_a_third(asked: dict[tuple[str, str], Asked]) -> None:
    case = asked["rich", LATENT]
    truth = Truth(LEADS, 11, WORLDS["rich"], SPAN)
    leads, day = case.leads[1], AS_OF_DAYS[1]
    days = np.arange(91)
    bought, _ = true_curves(truth, ids(leads), SPAN.start_micros + day * DAY, days)
    likely = bought[:, -1] > 0.1
    people = case.journeys.people
    need = people.needs.need[people.account[leads]]
    width = np.array([np.interp(0.9, u, days) - np.interp(0.1, u, days) for u in bought[likely] / bought[likely, -1:]])
    honest = need[likely] > 0
    undated = people.declared[people.account[leads], 0][likely] < 0
    assert 0 < width[honest].mean() < width[undated].mean() / 3


@pytest.mark.parametrize("given", [LATENT, OBSERVED])
def test_curves_rise_from_nought_and_sum_to_at_most_one(given: str) -> None:
    truth = Truth(500, 11, WORLDS["slipping"], SPAN)
    journeys = draw_journeys(0, 500, seed=11, world=WORLDS["slipping"], span=SPAN)
    leads = open_leads(journeys, 400)
    at = SPAN.start_micros + 400 * DAY + np.arange(len(leads)) * (DAY // len(leads))
    bought, lost = true_curves(truth, ids(leads), at, np.linspace(0, 400, 321), given=given)
    open_then = np.isfinite(bought[:, 0])
    assert open_then.mean() > 0.95  # some end during the day
    for curve in (bought[open_then], lost[open_then]):
        assert (curve[:, 0] == 0).all()
        assert (np.diff(curve, axis=1) >= -1e-12).all()
    assert (bought + lost)[open_then].max() <= 1 + 1e-12


def test_at_noon_the_curve_is_that_of_midnight_for_those_still_open() -> None:
    truth = Truth(200, 11, WORLDS["rich"], SPAN)
    journeys = draw_journeys(0, 200, seed=11, world=WORLDS["rich"], span=SPAN)
    leads = open_leads(journeys, 300)
    leads = leads[journeys.ends[leads, 1] > 300]
    midnight = SPAN.start_micros + 300 * DAY
    b0, l0 = true_curves(truth, ids(leads), midnight, [0.5, 1, 8])
    b1, l1 = true_curves(truth, ids(leads), midnight + DAY // 2, [0.5, 7.5])
    still = 1 - b0[:, :1] - l0[:, :1]
    np.testing.assert_allclose(b1, (b0[:, 1:] - b0[:, :1]) / still, atol=1e-12)
    np.testing.assert_allclose(l1, (l0[:, 1:] - l0[:, :1]) / still, atol=1e-12)
    evening = true_curves(truth, ids(leads), midnight + DAY * 19 // 24, [4 / 24])
    assert np.abs(evening).max() < 1e-12  # nothing ends outside working hours


def test_hazards_multiply_up_to_the_curves() -> None:
    truth = Truth(100, 11, WORLDS["rich"], SPAN)
    journeys = draw_journeys(0, 100, seed=11, world=WORLDS["rich"], span=SPAN)
    leads = ids(open_leads(journeys, 450))
    as_of = SPAN.start_micros + 450 * DAY
    buy, lose = true_hazards(truth, leads, as_of, 60)
    bought, lost = true_curves(truth, leads, as_of, [60])
    np.testing.assert_allclose(np.prod(1 - buy - lose, axis=1), 1 - bought[:, 0] - lost[:, 0], rtol=1e-9)


def test_leads_not_there_or_no_longer_open_have_no_curve() -> None:
    truth = Truth(50, 11, WORLDS["rich"], SPAN)
    bought, lost = true_curves(truth, ids(np.arange(50)), SPAN.start_micros, [30])
    assert np.isnan(bought).all()
    assert np.isnan(lost).all()
    bought, _ = true_curves(truth, ids(np.arange(50)), SPAN.end_micros, [30])
    journeys = draw_journeys(0, 50, seed=11, world=WORLDS["rich"], span=SPAN)
    assert (np.isfinite(bought[:, 0]) == (journeys.ends[:50, 0] == 0)).all()


def test_curves_do_not_depend_on_the_other_leads_asked_about() -> None:
    truth = Truth(30_000, 11, WORLDS["rich"], SPAN)
    as_of = SPAN.start_micros + 400 * DAY
    wanted = ["L00021000", "L00000003", "L00021001", "L00000003"]
    together = np.stack(true_curves(truth, wanted, as_of, [30, 90], given=OBSERVED))
    alone = np.stack([np.stack(true_curves(truth, [w], as_of, [30, 90], given=OBSERVED))[:, 0] for w in wanted], axis=1)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(
    ("lead", "as_of", "days", "given", "message"),
    [
        ("L00000050", SPAN.end_micros, 30, LATENT, "lead of this simulation"),
        ("someone", SPAN.end_micros, 30, LATENT, "lead of this simulation"),
        ("L00000001", SPAN.end_micros + 1, 30, LATENT, "times from"),
        ("L00000001", SPAN.end_micros, -1, LATENT, "from 0 on"),
        ("L00000001", SPAN.end_micros, 30, "everything", "observed"),
    ],
)
def test_wrong_questions_are_refused(lead: str, as_of: int, days: float, given: str, message: str) -> None:
    truth = Truth(50, 11, WORLDS["rich"], SPAN)
    with pytest.raises(InputError, match=message):
        true_curves(truth, [lead], as_of, [days], given=given)
