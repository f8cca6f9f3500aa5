"""Public survival data that installed packages ship, and hazardous' generator: checks of the harness.

No histories and no calendar: as-of times are all zero, nothing is kept for calibration. A unit of time stands where a
day does elsewhere, scaled so that the horizons are whole numbers of a handy size. scikit-survival and SurvSet are
GPL, so they are imported by benchmarks alone, and only when a dataset is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.prediction.fold import Fold
from features.events import DAY
from model.curves import Float
from model.examples import Examples

HELD_OUT = 0.25
LEVELS = (0.25, 0.5, 0.9)  # quantiles of the event times that are the horizons
GUIDE_DAYS = (10.0, 90.0)  # percentiles of all times between which scikit-survival's guide integrates on GBSG2


@dataclass(frozen=True, eq=False)
class Sample:
    """Features, ``outcome`` (n,) 0, 1, 2 and ``duration`` (n,) in the units of the source. ``unit``: how many of those
    are one unit here, ``unit_name`` what that is. ``last``: the longest horizon, in units of the source, if not by
    quantile. ``random_state``: of the split.
    """

    X: pd.DataFrame
    outcome: npt.NDArray[np.int8]
    duration: Float
    unit: float
    unit_name: str
    last: float | None = None
    random_state: int = 0

    def fold(self, name: str) -> Fold:
        """A quarter, drawn with equal shares of the outcomes, is for testing."""
        # an ending at time zero is one within the first half of the finest unit: durations have to be above 0
        least = self.duration[self.duration > 0].min() / 2
        duration = np.maximum(self.duration, least) / self.unit
        times = duration[self.outcome == 1]
        horizons = [max(1, round(float(h))) for h in np.quantile(times, LEVELS)]
        if self.last is not None:
            horizons[-1] = round(self.last / self.unit)
        rows = np.arange(len(duration))
        train, test = train_test_split(rows, test_size=HELD_OUT, stratify=self.outcome, random_state=self.random_state)
        return Fold(
            dataset=name,
            origin="held-out",
            horizons=tuple(horizons),
            learn=self._examples(train, duration),
            train=self._examples(train, duration),
            calibrate=None,
            test=self._examples(test, duration),
            groups=np.array([f"{row}" for row in test.tolist()]),
            notes=(f"one unit of time is {self.unit_name}",),
        )

    def _examples(self, rows: npt.NDArray[np.int64], duration: Float) -> Examples:
        return Examples(
            lead_ids=np.array([f"{row}" for row in rows.tolist()], dtype=object),
            as_of=np.zeros(len(rows), dtype=np.int64),
            outcome=self.outcome[rows],
            duration=duration[rows],
            group=rows.astype(np.int64),
            known_by=int(np.ceil(duration.max())) * DAY,
            X=self.X.iloc[rows].reset_index(drop=True),
        )


def gbsg2() -> Sample:
    """686 women with breast cancer (scikit-survival): split, window and features as in its guide "Evaluating Survival
    Models", where the forest of depth 2 scores .192, Coxnet .189 and Kaplan-Meier .217."""
    from sksurv.datasets import load_gbsg2  # noqa: PLC0415

    X, y = load_gbsg2()
    return Sample(
        X=_frame(X),
        outcome=y["cens"].astype(np.int8),  # what it calls cens is True for an event
        duration=y["time"].astype(np.float64),
        unit=7.0,
        unit_name="a week",
        last=float(np.percentile(y["time"], GUIDE_DAYS[1])),
        random_state=1,
    )


def gbsg2_window() -> tuple[float, float]:
    """Between which times, in the fold's units, the guide integrates the Brier score."""
    low, high = np.percentile(gbsg2().duration, GUIDE_DAYS)
    return float(low) / 7.0, float(high) / 7.0


def weibull(event: int = 1) -> Sample:
    """8,000 rows of hazardous' three competing Weibull events: ``event`` is the purchase, the others are lost.

    The benchmark asks about the first. Given a number, the generator draws the times of censoring from the same stream
    as the first feature, which then tells them exactly (quarters of it are 75, 53, 26 and 6 % censored), and every
    score weighted by censoring is wrong. A generator object goes on from one draw to the next.
    """
    from hazardous.data import make_synthetic_competing_weibull  # noqa: PLC0415

    X, y = make_synthetic_competing_weibull(n_samples=8_000, return_X_y=True, random_state=np.random.RandomState(0))
    happened, duration = y["event"].to_numpy(), y["duration"].to_numpy(dtype=np.float64)
    return Sample(
        X=_frame(X),
        outcome=np.where(happened == 0, 0, np.where(happened == event, 1, 2)).astype(np.int8),
        duration=duration,
        unit=10.0,
        unit_name="10 of the generator's",
        last=float(np.quantile(duration, 0.99)),
    )


def flchain() -> Sample:
    """7,874 people whose free light chains were measured (scikit-survival). Left out: the cause of death, which is
    known after it, and the year of the sample, which says how long someone could be followed."""
    from sksurv.datasets import load_flchain  # noqa: PLC0415

    X, y = load_flchain()
    return Sample(
        X=_frame(X.drop(columns=["chapter", "sample.yr"])),
        outcome=y["death"].astype(np.int8),
        duration=y["futime"].astype(np.float64),
        unit=7.0,
        unit_name="a week",
    )


# the covariates that papers use on SUPPORT; others tell of the time after day 3 or are predictions of other models
SUPPORT = (
    *("num_age", "num_num_co", "num_meanbp", "num_hrt", "num_resp", "num_temp", "num_wblc", "num_sod", "num_crea"),
    *("fac_sex", "fac_race", "fac_diabetes", "fac_dementia", "fac_ca"),
)


def support() -> Sample:
    """9,105 seriously ill hospital patients (SurvSet)."""
    return _survset("support2", SUPPORT, unit=1.0, unit_name="a day")


# not the year of the operation: it says how long someone could be followed
ROTTERDAM = (
    *("num_age", "num_nodes", "num_progesterone", "num_estrogen"),
    *("fac_meno", "fac_tsize", "fac_grade", "fac_hormon", "fac_chemo"),
)


def rotterdam() -> Sample:
    """2,982 women with breast cancer at Rotterdam (SurvSet): METABRIC's like."""
    return _survset("rott2", ROTTERDAM, unit=1.0, unit_name="a month")


def whas500() -> Sample:
    """500 patients after a heart attack (scikit-survival). Left out: the length of the stay, known when it is over."""
    from sksurv.datasets import load_whas500  # noqa: PLC0415

    X, y = load_whas500()
    return Sample(
        X=_frame(X.drop(columns="los")),
        outcome=y["fstat"].astype(np.int8),
        duration=y["lenfol"].astype(np.float64),
        unit=7.0,
        unit_name="a week",
    )


SAMPLES: dict[str, Callable[[], Sample]] = {
    "gbsg2": gbsg2,
    "weibull": weibull,
    "flchain": flchain,
    "support": support,
    "rotterdam": rotterdam,
    "whas500": whas500,
}

# what has to be installed for each, by the name it is imported by
PACKAGES = {
    **dict.fromkeys(("gbsg2", "flchain", "whas500"), "sksurv"),
    "weibull": "hazardous",
    **dict.fromkeys(("support", "rotterdam"), "SurvSet"),
}


def folds(names: tuple[str, ...] = tuple(SAMPLES)) -> Iterator[Fold]:
    """A fold a dataset, one after the other."""
    for name in names:
        yield SAMPLES[name]().fold(name)


def _survset(name: str, columns: tuple[str, ...], *, unit: float, unit_name: str) -> Sample:
    from SurvSet.data import SurvLoader  # noqa: PLC0415

    with warnings.catch_warnings():
        # its files were pickled under an older numpy
        warnings.filterwarnings("ignore", message="numpy.core", category=DeprecationWarning)
        rows = SurvLoader().load_dataset(ds_name=name)["df"]
    X = rows[list(columns)].rename(columns=lambda column: column.split("_", 1)[1])
    return Sample(
        X=_frame(X),
        outcome=rows["event"].to_numpy().astype(np.int8),
        duration=rows["time"].to_numpy(dtype=np.float64),
        unit=unit,
        unit_name=unit_name,
    )


def _frame(X: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64, all else as Categorical of texts, names of letters, digits and _."""
    columns = {
        str(name).replace(".", "_"): X[name].astype(np.float64)
        if pd.api.types.is_numeric_dtype(X[name])
        else pd.Categorical(X[name].astype("object").map(str, na_action="ignore"))
        for name in X.columns
    }
    return pd.DataFrame(columns).reset_index(drop=True)
