"""Whether what leads are and do tells when they buy, or a curve without it has to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from features.catalogue import Catalogue
from model.metrics import Estimate

Basis = Literal["model", "baseline"]
MODEL: Basis = "model"
BASELINE: Basis = "baseline"
NO_FEATURES = "Aalen-Johansen without features"
TIME_ALONE = "age and calendar alone"
LEAST_PURCHASES = 10  # leads of the newest block that purchased; below, an interval over leads says nothing
# A gain that is above 0 with a chance of nine in ten, in widths of its 95 % interval (normal quantiles). Not to answer
# by a model that is better costs as much as to answer by one that is worse, so 95 % on both sides would be too much.
_LIKELY = 1.2816 / (2 * 1.96)
_TIME = frozenset({"age", "weekday", "month", "day_of_year"})  # aggregations that look at no event


@dataclass(frozen=True)
class Signal:
    """What the newest block said at training. ``baseline``: the name of the curve that answers; empty for the model.

    ``gain``: share by which the integrated Brier score is better than by age and calendar alone, with its 95 %
    interval, paired by lead; None where nothing could be measured. ``purchases``: leads of that block that purchased.
    """

    verdict: Literal["signal", "no signal", "too little data"]
    why: str
    baseline: str = ""
    purchases: int = 0
    gain: tuple[float, float, float] | None = None

    @property
    def basis(self) -> Basis:
        return BASELINE if self.baseline else MODEL


def too_little(why: str, purchases: int) -> Signal:
    """A curve without features answers, shrunk towards a constant rate (model.shrunken)."""
    answers = f"{NO_FEATURES}, shrunk towards a constant rate, answers"
    return Signal("too little data", f"too little data: {why}; {answers}", NO_FEATURES, purchases)


def judge_signal(gain: Estimate, time_gain: Estimate, purchases: int) -> Signal:
    """``gain`` of the model over age and calendar alone, ``time_gain`` of these over Aalen-Johansen (skills, paired by
    lead on rows that neither has seen). The curve that has shown its worth, with a chance of nine in ten, answers.
    """
    if purchases < LEAST_PURCHASES:
        return too_little(
            f"{purchases} of the {LEAST_PURCHASES} purchasers in the newest block that it takes to tell a signal from "
            "chance",
            purchases,
        )
    said = f"{100 * gain.value:.1f} % ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    found = (gain.value, gain.low, gain.high)
    if gain.value > _LIKELY * (gain.high - gain.low):
        weak = "" if gain.low > 0 else "weak "
        why = f"{weak}signal: by what leads are and do, predictions are better than by {TIME_ALONE} by {said}"
        return Signal("signal", why, "", purchases, found)
    name = TIME_ALONE if time_gain.value > _LIKELY * (time_gain.high - time_gain.low) else NO_FEATURES
    why = f"no signal: what leads are and do has improved predictions by {TIME_ALONE} by {said}; {name} answers"
    return Signal("no signal", why, name, purchases, found)


def time_alone(catalogue: Catalogue) -> Catalogue:
    """The features that look at no event: the lead's age and the calendar."""
    return Catalogue(
        tuple(spec for spec in catalogue.features if spec.aggregation in _TIME), catalogue.account_property
    )
