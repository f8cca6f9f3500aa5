import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events import DAY
from model.calibration import Calibration, Map, _trusted_map, fit_map
from model.curves import Curves
from model.discrete import curves_from_hazards
from model.examples import Examples
from model.readiness import Readiness
from model.window import Windows

EDGES = np.array([0.0, 1, 2, 4, 7, 14, 21, 30, 60])
HORIZONS = (7, 30, 60)


def drawn(n: int, seed: int, *, distort: float = 1.0, rate: float = 0.02) -> tuple[Curves, Examples]:
    """Leads with constant hazards, and curves that take the purchase hazard for ``distort`` times what it is."""
    rng = np.random.default_rng(seed)
    hazard = rate * np.exp(rng.normal(size=n))
    bought, lost = rng.exponential(1 / hazard), rng.exponential(1 / rate, n)
    as_of = 20_000 * DAY + rng.integers(0, 7 * DAY, n)
    known_by = 20_090 * DAY
    followed = (known_by - as_of) / DAY
    duration = np.minimum(np.minimum(bought, lost), followed)
    outcome = np.where(duration == bought, 1, np.where(duration == lost, 2, 0)).astype(np.int8)
    width = np.diff(EDGES)
    curves = curves_from_hazards(
        EDGES, -np.expm1(-hazard[:, None] * distort * width), np.broadcast_to(-np.expm1(-rate * width), (n, len(width)))
    )
    ids = np.array([str(i) for i in range(n)], dtype=object)
    return curves, Examples(ids, as_of, outcome, duration, np.arange(n), known_by)


unit = st.floats(0, 1)
maps = st.one_of(
    st.none(),
    st.builds(lambda a, b, c: Map("beta", (a, b, c)), st.floats(0.05, 4), st.floats(0.05, 4), st.floats(-5, 5)),
    st.lists(unit, min_size=2, max_size=2).map(
        lambda q: Map("isotonic", (0.0, 0.3, 0.6, 1.0, 0.0, min(q), max(q), 1.0))
    ),
)


@given(
    st.lists(st.lists(unit, min_size=16, max_size=16), min_size=1, max_size=4),
    st.tuples(maps, maps, maps),
    st.tuples(maps, maps, maps),
)
def test_any_maps_leave_curves_lawful(
    hazards: list[list[float]], purchased: tuple[Map | None, ...], lost: tuple[Map | None, ...]
) -> None:
    h = np.array(hazards)
    made = Calibration(HORIZONS, purchased, lost).apply(curves_from_hazards(EDGES, h[:, :8], h[:, 8:]))
    for f in (made.purchased, made.lost):
        assert np.all(np.diff(f, axis=1) >= -1e-15)
    assert np.all(made.purchased + made.lost <= 1)


def test_the_curve_goes_through_the_calibrated_points() -> None:
    curves, _ = drawn(50, 0, rate=0.005)
    up = Map("beta", (1.0, 1.0, 0.4))
    made = Calibration(HORIZONS, (up, up, up), (None, None, None)).apply(curves)
    assert made.at(HORIZONS)[0] == pytest.approx(up(curves.at(HORIZONS)[0]))


def test_identity_leaves_curves_as_they_are() -> None:
    curves, _ = drawn(20, 0)
    made = Calibration.identity(HORIZONS).apply(curves)
    assert made.purchased == pytest.approx(curves.purchased, abs=1e-8)
    assert made.lost == pytest.approx(curves.lost, abs=1e-8)


@pytest.mark.parametrize(("n", "kind"), [(700, "beta"), (6000, "isotonic")])
def test_puts_right_curves_that_promise_too_much(n: int, kind: str) -> None:
    calibration = Calibration.fit(*drawn(n, 1, distort=2.0), HORIZONS)
    assert calibration.purchased[1] is not None
    assert calibration.purchased[1].kind == kind
    raw, later = drawn(8000, 2, distort=2.0)
    made = calibration.apply(raw)
    for h in HORIZONS:
        truth = ((later.outcome == 1) & (later.duration <= h)).mean()
        before, after = (abs(c.at([h])[0].mean() - truth) for c in (raw, made))
        assert after < 0.35 * before


def test_what_holds_on_some_dates_alone_is_not_learned() -> None:
    curves, later = drawn(3000, 5)
    # a holiday: nobody buys in the week after the first three of seven dates; a backlog is cleared after the others
    date = (later.as_of // DAY - 20_000).astype(int)
    held, early = date < 3, (later.outcome == 1) & (later.duration <= 7)
    rush = ~held & (later.duration > 7) & (np.arange(3000) % 8 == 0)
    duration = np.where(held & early, 8.0, np.where(rush, 5.0, later.duration))
    outcome = np.where(rush, 1, later.outcome).astype(np.int8)
    strange = Examples(later.lead_ids, date * DAY, outcome, duration, later.group, known_by=90 * DAY)
    assert Calibration.fit(curves, strange, HORIZONS).purchased[0] is None


@pytest.mark.parametrize("leads", [150, 600])
def test_what_chance_did_to_the_leads_is_not_learned_though_each_is_seen_on_many_dates(leads: int) -> None:
    rng, dates = np.random.default_rng(1), 8
    true = rng.beta(1.2, 3.0, leads)
    came = np.repeat(rng.random(leads) < true, dates)
    found = _trusted_map(
        np.repeat(true, dates), came, np.repeat(np.arange(leads), dates), np.tile(np.arange(dates), leads)
    )
    assert found is None


def test_too_few_endings_are_left_alone() -> None:
    assert fit_map(np.full(200, 0.1), np.arange(200) < 19, np.arange(200)) is None
    # many rows of few leads are few
    assert fit_map(np.full(200, 0.1), np.ones(200, bool), np.arange(200) % 10) is None


def test_rows_that_could_not_be_followed_do_not_count() -> None:
    curves, later = drawn(3000, 3, distort=2.0)
    early = Examples(later.lead_ids, later.as_of, later.outcome, later.duration, later.group, known_by=20_020 * DAY)
    calibration = Calibration.fit(curves, early, HORIZONS)
    assert calibration.purchased[0] is not None
    assert calibration.purchased[1:] == (None, None)


@pytest.mark.parametrize("n", [300, 6000])
def test_maps_never_fall(n: int) -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(0, 0.5, n)
    found = fit_map(p, rng.random(n) < p, np.arange(n))
    assert found is not None
    q = found(np.linspace(0, 1, 1001))
    assert np.all(np.diff(q) >= 0)
    assert np.all((q >= 0) & (q <= 1))
    assert found(np.array([0.25]))[0] == pytest.approx(0.25, abs=0.05)


def readiness_of(curves: Curves) -> npt.NDArray[np.float64]:
    chance = curves.at([30])[0][:, 0]
    return Readiness.fit(chance).of(chance)


def covered(windows: Windows, curves: Curves, later: Examples) -> npt.NDArray[np.bool_]:
    """Of the purchasers by the longest horizon, whose date of purchase lies within the dates of the window."""
    first, _, last = windows.days(curves, readiness_of(curves))
    of_purchase = np.floor(later.as_of / DAY + later.duration)
    inside = (np.floor(later.as_of / DAY + first) <= of_purchase) & (of_purchase <= np.floor(later.as_of / DAY + last))
    return np.asarray(inside[(later.outcome == 1) & (later.duration <= EDGES[-1])])


@pytest.mark.parametrize("distort", [1.0, 3.0])
@pytest.mark.parametrize("coverage", [0.5, 0.8])
def test_windows_of_dates_cover_what_they_say_even_on_wrong_curves(distort: float, coverage: float) -> None:
    curves, held = drawn(6000, 5, distort=distort)
    windows = Windows.fit(curves, readiness_of(curves), held, coverage)
    assert len(windows.readiness) == 5
    test = drawn(6000, 6, distort=distort)
    assert covered(windows, *test).mean() == pytest.approx(coverage, abs=0.025)


def test_windows_start_before_the_median_and_end_after_it() -> None:
    curves, held = drawn(2000, 7)
    for windows in (Windows.nominal(0.8), Windows.fit(curves, readiness_of(curves), held, 0.8)):
        first, median, last = windows.days(curves, readiness_of(curves))
        assert np.all((first >= 0) & (first <= median) & (median <= last) & (last <= EDGES[-1]))


def test_too_few_purchasers_give_nominal_windows() -> None:
    curves, held = drawn(40, 8, rate=0.005)
    assert Windows.fit(curves, readiness_of(curves), held, 0.8) == Windows.nominal(0.8)


def test_nominal_windows_lie_at_the_quantiles_given_a_purchase() -> None:
    curves = Curves(np.array([0.0, 10.0]), np.array([[0.0, 0.5]]), np.zeros((1, 2)))
    first, median, last = Windows.nominal(0.8).days(curves, np.array([50.0]))
    assert [first[0], median[0], last[0]] == pytest.approx([1.0, 5.0, 9.0])


@given(st.lists(unit, min_size=1, max_size=50), st.lists(unit, min_size=2, max_size=20))
def test_readiness_never_falls_with_the_chance(reference: list[float], asked: list[float]) -> None:
    found = Readiness.fit(reference).of(sorted(asked))
    assert np.all(np.diff(found) >= 0)
    assert np.all((found >= 0) & (found <= 100))


def test_readiness_is_the_rank_in_the_reference() -> None:
    reference = np.random.default_rng(0).random(20_000)
    assert Readiness.fit(reference).of([0.1, 0.5, 0.9]) == pytest.approx([10, 50, 90], abs=1.5)
    assert Readiness.fit([0.2, 0.2, 0.2, 0.6]).of([0.0, 0.2, 1.0]) == pytest.approx([0, 37.5, 100])


def test_json_brings_them_back() -> None:
    curves, held = drawn(3000, 9)
    calibration = Calibration.fit(curves, held, HORIZONS)
    windows = Windows.fit(curves, readiness_of(curves), held, 0.8)
    assert Calibration.from_json(calibration.to_json()) == calibration
    assert Windows.from_json(windows.to_json()) == windows
