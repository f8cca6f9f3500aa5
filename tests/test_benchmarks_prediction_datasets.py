"""The folds of the prediction benchmark: what a method is given of each dataset, on small made-up inputs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from benchmarks.bpic2012.log import COLUMNS
from benchmarks.bpic2012.log import find_data as find_log
from benchmarks.prediction.datasets import DATASETS, absent, bpic2012, online_retail, public, simulated
from benchmarks.prediction.datasets.files import load, save
from benchmarks.prediction.datasets.histories import events_of, micros, sampled
from benchmarks.prediction.fold import Fold
from features.errors import InputError
from features.events import DAY
from features.history import History
from features.lives import BOUGHT, lead_lives
from model.aalen_johansen import AalenJohansen
from model.curves import Curves, Float
from model.examples import Examples
from model.metrics import brier_losses, ipcw


def lines(*rows: tuple[str, str, str, int, float]) -> pd.DataFrame:
    """Lines as ``read_lines`` gives them, of (customer, time, product, quantity, price)."""
    table = pd.DataFrame(rows, columns=["customer", "at", "product", "quantity", "price"])
    table["at"] = pd.to_datetime(table["at"], utc=True).astype("datetime64[us, UTC]")
    return table.assign(country="France").sort_values(["customer", "at"], kind="stable", ignore_index=True)


TWICE = lines(
    ("1", "2010-03-01T10:00", "cup", 6, 2.0),
    ("1", "2010-03-01T15:00", "lamp", 1, 8.0),
    ("1", "2010-03-05T11:00", "cup", -2, 2.0),
    ("1", "2010-03-20T09:00", "cup", 3, 2.0),
    ("1", "2010-03-20T16:00", "bowl", 3, 1.0),
    ("1", "2010-04-09T12:00", "bowl", 5, 1.0),
)


def retail_history(table: pd.DataFrame) -> History:
    return History.from_table(events_of(online_retail.tables(*online_retail.daily(table)), now=micros("2012-01-01")))


def test_a_purchase_day_ends_one_wait_and_opens_the_next() -> None:
    history = retail_history(TWICE)
    lives = lead_lives(history, micros("2010-05-01"))
    assert history.lead_ids == ("1#1", "1#2", "1#3")
    entered = pd.to_datetime(lives.entered_at, unit="us").astype(str).tolist()
    assert entered == ["2010-03-02", "2010-03-21", "2010-04-10"]
    ended = pd.to_datetime(lives.ended_at, unit="us").astype(str).tolist()
    assert ended == ["2010-03-20 09:00:00", "2010-04-09 12:00:00", "2010-05-01 00:00:00"]
    assert (lives.outcome == BOUGHT).tolist() == [True, True, False]


def test_a_wait_knows_the_earlier_days_as_they_occurred_and_only_once_it_is_open() -> None:
    events = online_retail.tables(*online_retail.daily(TWICE))["events"].set_index("lead_id")
    second = events.loc["1#2"].sort_values("timestamp")
    assert second["type"].tolist() == ["purchase_day", "return_day", "purchase_day"]
    assert second["timestamp"].dt.strftime("%m-%d %H").tolist() == ["03-01 15", "03-05 11", "03-20 16"]
    assert set(second["recorded_at"].astype(str)) == {"2010-03-21 00:00:00+00:00"}
    # the return during the first wait is learned of in the night after it
    first = events.loc["1#1"].sort_values("timestamp")
    assert first["recorded_at"].dt.strftime("%m-%d").tolist() == ["03-02", "03-06"]


def test_what_a_day_was_worth_counts_purchases_apart_from_returns() -> None:
    bought, returned = online_retail.daily(TWICE)
    assert bought["amount"].tolist() == [20.0, 9.0, 5.0]
    assert bought["products"].tolist() == [2, 2, 1]
    assert returned["amount"].tolist() == [-4.0]
    free = lines(("1", "2010-03-01T10:00", "gift", 1, 0.0))
    assert [len(days) for days in online_retail.daily(free)] == [0, 0]


def test_a_wait_is_described_by_the_days_up_to_its_opening() -> None:
    leads = online_retail.tables(*online_retail.daily(TWICE))["leads"].set_index("lead_id")
    assert leads["purchase_days"].tolist() == [1, 2, 3]
    assert leads["mean_amount"].tolist() == [20.0, 14.5, pytest.approx(34 / 3, abs=0.005)]
    np.testing.assert_array_equal(leads["last_gap"], [np.nan, 19, 20])
    np.testing.assert_array_equal(leads["mean_gap"], [np.nan, 19, 19.5])
    np.testing.assert_allclose(leads["gap_deviation"], [np.nan, np.nan, np.sqrt(0.5)])
    assert set(leads["account_id"]) == {"1"}


def write_retail(folder: Path, first: list[tuple[object, ...]], second: list[tuple[object, ...]]) -> Path:
    """Both files of (time, quantity, price, customer), with the columns and types of the real ones."""
    names = ["InvoiceDate", "Quantity", "Price", "Customer ID"]
    one = pd.DataFrame(first, columns=names).assign(
        Invoice="1", StockCode="A", Description="cup", Country="United Kingdom"
    )
    two = pd.DataFrame(second, columns=names).rename(columns={"Price": "UnitPrice", "Customer ID": "CustomerID"})
    two = two.assign(InvoiceDate=pd.to_datetime(two["InvoiceDate"]), Description=None, Country="United Kingdom")
    one.to_parquet(folder / online_retail.FILES[0])
    two.to_parquet(folder / online_retail.FILES[1])
    return folder


def test_of_the_days_in_both_files_the_second_counts(tmp_path: Path) -> None:
    first = [("2010-11-30 10:00:00", 1, 1.0, 7.0), ("2010-12-01 08:00:00", 1, 1.0, 7.0)]
    second = [("2010-12-01 08:26:00", 2, 1.0, 7.0), ("2010-12-02 10:00:00", 2, 1.0, np.nan)]
    read = online_retail.read_lines(write_retail(tmp_path, first, second))
    assert read["at"].astype(str).tolist() == ["2010-11-30 10:00:00+00:00", "2010-12-01 08:26:00+00:00"]
    assert read["customer"].tolist() == ["7", "7"]


def made_up_shop(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    rows = []
    for customer in range(120):
        day = pd.Timestamp("2009-12-01T12:00") + pd.Timedelta(days=float(rng.integers(0, 200)))
        mean = rng.uniform(8, 60)
        while day < pd.Timestamp("2011-12-09"):
            rows.append((day, int(rng.integers(1, 9)), 2.5, float(12_000 + customer)))
            day += pd.Timedelta(days=float(rng.integers(1, 2 * mean)))
    rows.sort()
    first = [(str(row[0]), *row[1:]) for row in rows if row[0] < pd.Timestamp("2010-12-10")]
    return write_retail(folder, first, [row for row in rows if row[0] >= pd.Timestamp("2010-12-01")])


def test_retail_folds_ask_on_four_weekly_dates_and_follow_ninety_days(tmp_path: Path) -> None:
    found = list(online_retail.folds(made_up_shop(tmp_path)))
    assert [fold.origin for fold in found] == list(online_retail.ORIGINS)
    for fold in found:
        check(fold)
        origin = micros(fold.origin)
        assert np.unique(fold.test.as_of).tolist() == [origin + week * 7 * DAY for week in range(4)]
        assert fold.test.followed.min() > 90
        assert [f"{g}#" == lead[: len(g) + 1] for g, lead in zip(fold.groups, fold.test.lead_ids, strict=True)]
        # what was known of the buyer before is there from the first day on
        young = fold.test.features[fold.test.features["trait_purchase_days"] > 1]
        assert (young["n_engagement_all"] > 1).all()
        assert (young["age_days"] > young["days_since_engagement"]).all()


def check(fold: Fold) -> None:
    """What holds of every fold with a calendar."""
    origin = micros(fold.origin)
    assert fold.calibrate is not None
    assert fold.catalogue is not None
    for block in (fold.learn, fold.train, fold.calibrate):
        assert len(block)
        assert block.known_by <= origin
        assert ((block.as_of + block.duration * DAY) <= block.known_by + 1).all()
    assert fold.train.known_by <= fold.calibrate.as_of.min()
    # the final fit learns from all that was known, the newest included
    assert fold.learn.known_by == fold.calibrate.known_by
    assert fold.learn.as_of.max() > fold.calibrate.as_of.max() > fold.train.as_of.max()
    assert set(fold.calibrate.lead_ids) <= set(fold.learn.lead_ids)
    # a lead has the same number in both, for it must not be judged by members that have seen it
    number = dict(zip(fold.learn.lead_ids, fold.learn.group, strict=True))
    assert [number[lead] for lead in fold.calibrate.lead_ids] == fold.calibrate.group.tolist()
    assert fold.test.as_of.min() >= origin
    assert len(fold.groups) == len(fold.test)
    for block in (fold.learn, fold.train, fold.calibrate, fold.test):
        assert tuple(block.features.columns) == fold.catalogue.names
        assert (block.duration > 0).all()
    assert fold.test.followed.min() >= fold.horizons[-1]


def made_up_log(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    end = pd.Timestamp("2012-03-14T12:00Z")
    rows = []
    for case in range(400):
        at = pd.Timestamp("2011-10-01T08:00Z") + pd.Timedelta(hours=float(rng.integers(0, 24 * 155)))
        steps = [("A_SUBMITTED", 0.0), ("W_Nabellen offertes", 0.4), ("W_Nabellen offertes", 2.5)]
        steps.append((("A_APPROVED", "A_DECLINED", "A_CANCELLED")[case % 3], float(rng.exponential(12.0)) + 0.01))
        rows += [(str(case), at, 5000, name, "COMPLETE", "112", at + pd.Timedelta(days=d), d) for name, d in steps]
    log = pd.DataFrame(rows, columns=COLUMNS).sort_values(["case_id", "timestamp"])
    log = log[log["timestamp"] <= end].assign(event_index=lambda table: range(len(table)))
    last = log.tail(1).assign(case_id="last", timestamp=end).assign(activity="A_SUBMITTED", event_index=len(log))
    path = folder / "bpic2012_events.csv.gz"
    log = pd.concat([log, last])
    for name in ("timestamp", "reg_date"):
        log[name] = log[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    log.to_csv(path, index=False)
    return path


def test_bpic_folds_ask_on_fixed_days_of_open_cases_up_to_the_next_origin(tmp_path: Path) -> None:
    early, late = bpic2012.folds(made_up_log(tmp_path))
    assert (early.origin, late.origin) == bpic2012.ORIGINS
    for fold in (early, late):
        check(fold)
        age = np.rint(fold.test.features["age_days"].to_numpy() * 1e6) / 1e6
        assert set(age.tolist()) <= {float(day) for day in bpic2012.DAYS}
        assert {1, 2} <= set(fold.test.outcome.tolist())
        assert fold.groups.tolist() == fold.test.lead_ids.tolist()
    assert early.test.as_of.max() < micros(late.origin)


def test_simulated_folds_know_the_best_curves() -> None:
    (fold,) = simulated.folds(["slipping"], leads=400)
    check(fold)
    assert fold.dataset == "simulated-slipping"
    assert (fold.test.as_of % DAY == 0).all()
    best, latent = fold.best, simulated.latent(fold, leads=400)
    assert best is not None
    for curves in (best, latent):
        assert curves.days.tolist() == fold.grid.tolist()
        assert len(curves) == len(fold.test)
        assert (np.diff(curves.purchased, axis=1) >= -1e-12).all()
        assert (curves.purchased + curves.lost <= 1 + 1e-9).all()
    assert score(fold, latent) < score(fold, level(fold))
    assert score(fold, best) < score(fold, level(fold))
    assert all(group.startswith("A") for group in fold.groups)


def level(fold: Fold) -> Curves:
    """One curve for all."""
    return AalenJohansen(fold.horizons).fit(None, fold.test.y).predict_curves(np.empty((len(fold.test), 0)))


def score(fold: Fold, curves: Curves) -> float:
    """The integrated Brier score."""
    grid = fold.grid[1:]
    weights = ipcw(fold.test.duration, fold.test.outcome, grid)
    losses = brier_losses(weights, curves.at(grid)[0]).mean(axis=0)
    return float(np.trapezoid(losses, grid) / (grid[-1] - grid[0]))


@pytest.mark.parametrize("name", list(public.SAMPLES))
def test_public_folds_have_no_calendar(name: str) -> None:
    if name in absent():
        pytest.skip(absent()[name])
    (fold,) = DATASETS[name]()
    assert fold.dataset == name
    assert fold.calibrate is None
    assert fold.catalogue is None
    assert list(fold.horizons) == sorted(set(fold.horizons))
    assert 30 <= fold.horizons[-1] <= 1000
    for block in (fold.train, fold.test):
        assert (block.as_of == 0).all()
        assert (block.duration > 0).all()
        kinds = block.features.dtypes
        assert all(kind == np.float64 or isinstance(kind, pd.CategoricalDtype) for kind in kinds)
        # followed beyond the last horizon, so that the censoring can be weighed
        assert block.duration.max() > fold.horizons[-1]
    assert not set(fold.train.lead_ids) & set(fold.test.lead_ids)
    assert fold.learn.lead_ids.tolist() == fold.train.lead_ids.tolist()
    assert len(fold.test) == pytest.approx(0.25 * (len(fold.train) + len(fold.test)), abs=1)


def test_gbsg2_gives_the_figures_of_the_guide() -> None:
    if "gbsg2" in absent():
        pytest.skip(absent()["gbsg2"])
    from sksurv.metrics import integrated_brier_score
    from sksurv.util import Surv

    (fold,) = DATASETS["gbsg2"]()
    low, high = public.gbsg2_window()
    known, asked = (Surv.from_arrays(part.outcome == 1, part.duration) for part in (fold.train, fold.test))
    # the guide's measure weighs by the censoring of the training rows
    times = np.arange(low, high, 1 / 7)
    one = AalenJohansen([int(np.ceil(high))]).fit(None, fold.train.y).predict_curves(np.empty((len(fold.test), 0)))
    found = integrated_brier_score(known, asked, 1 - one.at(times)[0], times)
    assert found == pytest.approx(0.217, abs=0.001)
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.linear_model import CoxnetSurvivalAnalysis

    scaler = StandardScaler().fit(_numbers(fold.train.features))
    learned, answered = (scaler.transform(_numbers(part.features)) for part in (fold.train, fold.test))
    for model, public_figure, near in (  # the guide's columns of levels are others
        (RandomSurvivalForest(max_depth=2, random_state=1), 0.192, 0.002),
        (CoxnetSurvivalAnalysis(l1_ratio=0.99, fit_baseline_model=True), 0.189, 0.005),
    ):
        curves = model.fit(learned, known).predict_survival_function(answered)
        found = integrated_brier_score(known, asked, np.vstack([curve(times) for curve in curves]), times)
        assert found == pytest.approx(public_figure, abs=near)


def _numbers(frame: pd.DataFrame) -> Float:
    columns = [frame[name].cat.codes if frame[name].dtype == "category" else frame[name] for name in frame]
    return np.column_stack(columns).astype(np.float64)


def test_weibull_gives_the_known_figure_over_its_three_events() -> None:
    if "weibull" in absent():
        pytest.skip(absent()["weibull"])
    found = []
    for event in (1, 2, 3):
        fold = public.weibull(event).fold("weibull")
        same = AalenJohansen(fold.horizons).fit(None, fold.train.y).predict_curves(np.empty((len(fold.test), 0)))
        found.append(score(fold, same))
    assert np.mean(found) == pytest.approx(0.163, abs=0.003)


def test_no_feature_of_weibull_tells_who_is_censored() -> None:
    if "weibull" in absent():
        pytest.skip(absent()["weibull"])
    fold = public.weibull().fold("weibull")
    shape = fold.train.features["shape_1"].to_numpy()
    quarter = np.digitize(shape, np.quantile(shape, [0.25, 0.5, 0.75]))
    censored = [np.mean(fold.train.outcome[quarter == k] == 0) for k in range(4)]
    assert max(censored) - min(censored) < 0.15


def examples(lead_ids: list[str]) -> Examples:
    n = len(lead_ids)
    return Examples(
        lead_ids=np.array(lead_ids, dtype=object),
        as_of=np.arange(n, dtype=np.int64),
        outcome=np.zeros(n, dtype=np.int8),
        duration=np.ones(n),
        group=np.arange(n, dtype=np.int64),
        known_by=DAY,
    )


def test_a_sample_keeps_whole_keys_and_depends_on_nothing_else() -> None:
    names = [f"L{number}" for number in range(50) for _ in range(3)]
    kept = sampled(examples(names), names, most=40)
    leads, rows = np.unique(kept.lead_ids.astype(str), return_counts=True)
    assert len(leads) == 13
    assert set(rows.tolist()) == {3}
    fewer = sampled(examples(names[:90]), names[:90], most=40)
    assert set(leads.tolist()) & set(names[:90]) <= set(fewer.lead_ids.tolist())
    assert len(sampled(examples(names), names, most=1000)) == 150


def test_tables_with_a_row_that_the_product_refuses_end_the_benchmark() -> None:
    outcomes = pd.DataFrame({"lead_id": ["a"], "outcome": ["sold"], "at": ["2011-01-01"]})
    with pytest.raises(InputError, match="without refused rows"):
        events_of({"outcomes": outcomes}, now=micros("2012-01-01"))


def test_a_fold_goes_to_a_file_and_back(tmp_path: Path) -> None:
    fold = Fold("made up", "now", (7,), examples(["a"]), examples(["a"]), None, examples(["b"]), np.array(["b"]))
    save(fold, tmp_path / "fold.pkl")
    back = load(tmp_path / "fold.pkl")
    assert back.test.lead_ids.tolist() == ["b"]
    assert back.grid.tolist() == fold.grid.tolist()


def test_a_file_of_something_else_is_no_fold(tmp_path: Path) -> None:
    pd.Series([1]).to_pickle(tmp_path / "fold.pkl")
    with pytest.raises(TypeError, match="expected a Fold"):
        load(tmp_path / "fold.pkl")


def test_without_the_files_there_are_no_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTIME_DATA", str(tmp_path))
    assert {"bpic2012", "online_retail"} <= set(absent())
    assert list(DATASETS["bpic2012"]()) == []
    assert list(DATASETS["online_retail"]()) == []


def test_the_real_shop_adds_up() -> None:
    folder = online_retail.find_data()
    if folder is None:
        pytest.skip("Online Retail II is not here; name the folder that holds online_retail/ in LEADTIME_DATA")
    bought, _ = online_retail.daily(online_retail.read_lines(folder))
    assert bought["customer"].nunique() == 5_878
    assert not bought.duplicated(["customer", "day"]).any()


def test_the_real_log_gives_both_folds() -> None:
    if find_log() is None:
        pytest.skip("the BPI 2012 log is not here; name the folder that holds bpic2012/ in LEADTIME_DATA")
    sizes = {}
    for fold in DATASETS["bpic2012"]():
        check(fold)
        sizes[fold.origin] = len(fold.test)
    assert sizes == {"2011-12-18": 2_688, "2012-01-08": 5_964}
