"""What a declared deadline does to the answers, on simulated leads of which the simulator knows who means it.

The leads that are asked about are others than those learned from. Bars are set beside what the true law, given all that
the tables show (``OBSERVED``), reaches on leads such as these; the figures in docstrings are of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.events import DAY
from features.history import History
from features.settings import Settings
from features.sources.simulator import WORLDS, simulate
from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import draw_journeys
from features.sources.simulator.kernel import NO_NEED_DATE
from features.tables import read_tables
from model.curves import Curves
from model.examples import Examples, calendar_split, weekly_landmarks
from model.scorer import Scorer
from model.window import date_span
from training.fitting import fit, serving_split

Float = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
END, DAYS, SEED = date(2026, 11, 1), 540, 7
SPAN = Span(END, DAYS)
LEARNED, ASKED = 3_000, 4_000  # leads; multiples of 8, so that no account is in both
LONGEST = 90.0
AROUND = 7.0  # days before and after a deadline; honest purchases gather within them


@dataclass(frozen=True, eq=False)
class Leads:
    """A scorer and open leads that it has not seen, on four dates. ``meant``: (n,) the deadline drives the need."""

    scorer: Scorer
    asked: Examples
    meant: Rows

    @classmethod
    def of(cls, world: str, folder: Path) -> Leads:
        events = events_of(world, folder)
        origin = SPAN.end_micros - 150 * DAY
        number = np.array([int(lead[1:]) for lead in events["lead_id"].to_pylist()])
        known = pc.and_(pc.less_equal(events["recorded_at"], origin), pa.array(number < LEARNED))
        past = History.from_table(events.filter(known))
        split = serving_split(calendar_split(past, known_by=origin, longest=LONGEST))
        scorer = fit(past, split, Settings(), seed=1, version="").scorer
        history = History.from_table(events)
        found = weekly_landmarks(history, since=origin, until=origin + 22 * DAY, known_by=SPAN.end_micros)
        lead = np.array([int(lead_id[1:]) for lead_id in found.lead_ids])
        people = draw_journeys(0, LEARNED + ASKED, seed=SEED, world=WORLDS[world], span=SPAN).people
        meant = people.needs.need[people.account[lead]] != NO_NEED_DATE
        others = lead >= LEARNED
        return cls(scorer, found.rows(others).with_features(history, scorer.catalogue), meant[others])

    def feature(self, name: str) -> Float:
        return self.asked.features[name].to_numpy(dtype=np.float64)

    @property
    def from_outbound(self) -> Rows:
        return (self.asked.features["trait_source"] == "outbound").to_numpy()

    @property
    def undated(self) -> Rows:
        return np.isnan(self.feature("deadline_days"))

    @property
    def ahead(self) -> Rows:
        """The declared day and some days around it lie before the longest horizon."""
        days = self.feature("deadline_days")
        return (days > AROUND) & (days < LONGEST - AROUND)

    def curves(self, changed: dict[str, Float] | None = None) -> Curves:
        """Of all leads, had they other values of some features."""
        return self.scorer.curves(self.asked.features.assign(**(changed or {})), self.asked.as_of)

    def windows(self, curves: Curves) -> tuple[Float, Float, Float]:
        """First, middle and last day after the as-of time, as they are answered: the outer two are whole dates."""
        chance = curves.at([self.scorer.ready_horizon])[0][:, 0]
        first, middle, last = self.scorer.windows.days(curves, self.scorer.readiness.of(chance))
        return date_span(first, self.asked.as_of)[0], middle, date_span(last, self.asked.as_of)[1]

    def covered(self, rows: Rows) -> float:
        """The share of those who buy by the longest horizon whose day is in the window."""
        first, _, last = self.windows(self.curves())
        day = self.asked.duration
        mine = rows & (self.asked.outcome == 1) & (day <= LONGEST)
        assert mine.sum() >= 100
        return float(((day >= first) & (day <= last))[mine].mean())

    def around_deadline(self) -> tuple[Float, Rows]:
        """P(buys within a week of the declared day), and whether that happened; both (n,)."""
        declared = np.nan_to_num(self.feature("deadline_days"))
        low, high = np.clip(declared - AROUND, 0, LONGEST), np.clip(declared + AROUND, 0, LONGEST)
        curves = self.curves()
        grid = np.arange(LONGEST + 1)
        bought = curves.at(grid)[0]
        chance = np.array(
            [np.diff(np.interp(ends, grid, f))[0] for f, ends in zip(bought, zip(low, high, strict=True), strict=True)]
        )
        day = self.asked.duration
        return chance, (self.asked.outcome == 1) & (day > low) & (day <= high)


def events_of(world: str, folder: Path) -> pa.Table:
    for name, table in simulate(leads=LEARNED + ASKED, seed=SEED, end=END, days=DAYS, world=world).tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return read_tables(folder, now=SPAN.end_micros).events


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Leads:
    return Leads.of("rich", tmp_path_factory.mktemp("rich"))


@pytest.fixture(scope="module")
def slipping(tmp_path_factory: pytest.TempPathFactory) -> Leads:
    return Leads.of("slipping", tmp_path_factory.mktemp("slipping"))


def median_width(leads: Leads, rows: Rows, changed: dict[str, Float] | None = None) -> float:
    first, _, last = leads.windows(leads.curves(changed))
    return float(np.median((last - first)[rows]))


def untold(leads: Leads) -> dict[str, Float]:
    """All that is known of deadlines, missing."""
    names = [str(name) for name in leads.asked.features if "deadline" in str(name)]
    assert "deadline_days" in names
    return {name: np.full(len(leads.asked), np.nan) for name in names}


def test_honest_deadlines_narrow_the_window_to_a_third(rich: Leads) -> None:
    """12 days against 60; the true law 8 against 59."""
    honest = rich.ahead & rich.meant
    width = median_width(rich, honest)
    assert 3 < width <= median_width(rich, rich.undated) / 3
    assert width <= median_width(rich, honest, untold(rich)) / 3  # the same leads, had they not told


def test_narrow_windows_keep_their_coverage(rich: Leads) -> None:
    assert 0.75 < rich.covered(rich.ahead & rich.meant) < 0.96


def test_purchases_are_expected_around_honest_deadlines(rich: Leads) -> None:
    chance, happened = rich.around_deadline()
    honest = rich.ahead & rich.meant
    assert happened[honest].mean() > 0.5
    assert chance[honest].mean() > 0.5 * happened[honest].mean()


def test_a_later_deadline_moves_the_purchase_later(rich: Leads) -> None:
    """By about as much: the median of the purchase date, for a deadline 30 days later."""
    days = rich.feature("deadline_days")
    rows = rich.ahead & rich.meant & (days < LONGEST - 30)
    before, after = (
        rich.windows(curves)[1][rows] for curves in (rich.curves(), rich.curves({"deadline_days": days + 30}))
    )
    assert ((after - before) > 0).mean() > 0.99
    assert 24 < np.median(after - before) < 36


def test_habitual_slip_is_not_fooled(rich: Leads, slipping: Leads) -> None:
    """Of those whose deadlines slip few buy around the next one, and the rest is not known when: 2 in 100 do, the true
    law, which sees honest and slipping ones alike at first, expects 5.
    """
    chance, happened = slipping.around_deadline()
    slips = slipping.ahead & ~slipping.meant
    assert happened[slips].mean() < 0.04
    assert chance[slips].mean() < 0.08
    assert chance[slips].mean() < rich.around_deadline()[0][rich.ahead & rich.meant].mean() / 4
    assert median_width(slipping, slips) > 45
    # of all who declare a deadline there, honest or not, it expects about as many as buy
    assert abs(chance[slipping.ahead].mean() - happened[slipping.ahead].mean()) < 0.035


def test_reliability_is_learned_by_source(rich: Leads) -> None:
    """5 in 100 deadlines of outbound leads are meant, 98 of the others'. The true law expects 3 and 60 % to buy."""
    chance, happened = rich.around_deadline()
    outbound, others = rich.ahead & rich.from_outbound, rich.ahead & ~rich.from_outbound
    assert happened[outbound].mean() < 0.1
    assert chance[outbound].mean() < chance[others].mean() / 3
    assert median_width(rich, outbound) > 2 * median_width(rich, others)


def test_reliability_is_learned_by_revisions(slipping: Leads) -> None:
    """Those who have moved a deadline far do it again: 2 % of them buy around it, 16 % of those who have not."""
    chance, happened = slipping.around_deadline()
    moved = slipping.feature("deadline_slip_days") >= 21
    steady = slipping.feature("deadline_revisions") == 0
    rows = slipping.ahead & ~slipping.from_outbound
    assert happened[rows & moved].mean() < happened[rows & steady].mean() / 5
    assert chance[rows & moved].mean() < chance[rows & steady].mean() / 1.2
