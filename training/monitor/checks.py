"""The checks of the watch, each with what was expected, what came and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.events import DAY, ENDINGS, HANDOFF, to_iso
from features.monitor_settings import MonitorSettings
from model.curves import Float
from model.drift import CALENDAR, bin_edges, bin_shares, chance_index, stability_index
from model.watching.channels import WINDOWS, Channel, channels
from model.watching.deadlines import WEEK, Due, due, level
from model.watching.forecasts import Forecasts, Weeks, calibration, windows_kept
from model.watching.proportions import longest_silence, share_limits
from model.watching.sequential import level_for, watch
from model.watching.verdict import FINE, RETRAIN, UNKNOWN, WATCH, Check
from training.monitor.material import Material

TRAIN = "Train anew: python -m training.train"
LEAST = 50  # open leads below which a distribution says nothing
LEAST_DUE = 10  # deadlines, below which it is not known what is usual
REFERENCE = 364 * DAY  # before what today's market is compared with: what deadlines did
_CERTAIN = 0.001  # a chance that is taken for none, shared out among what is looked at


def purchases(found: Weeks, given: MonitorSettings) -> Check:
    """Purchases a week against those expected of the open leads: the sequential test."""
    level = level_for(given.false_alarm_years, steps_a_year=52)
    tested = watch(found.steps)
    if not len(found.begins):
        return _unknown("purchases", "a week of forecasts that is over")
    since = tested.since if tested.alarmed(level) else 0
    expected, bought = float(found.expected[since:].sum()), int(found.bought[since:].sum())
    figures = {
        "log10_evidence": float(tested.log_level[-1] / math.log(10)),
        "log10_alarm": math.log10(level),
        "expected": expected,
        "bought": float(bought),
    }
    begins = to_iso(int(found.begins[since]))[:10]
    came = f"{bought} since {begins}"
    if not tested.alarmed(level):
        return Check("purchases", FINE, f"{expected:.1f} purchases by the leads open each week", came, figures=figures)
    way = "more" if tested.factor > 1 else "fewer"
    return Check(
        "purchases", RETRAIN, f"{expected:.1f} purchases by the leads open each week", f"{came}: {way}", TRAIN, figures
    )


def horizons(told: Forecasts, given: MonitorSettings, seed: int) -> list[Check]:
    """Calibration of what is a whole horizon ago."""
    checks = []
    for one in calibration(told, seed=seed):
        name, ratio = f"calibration_{one.days}", one.ratio
        off = ratio.low > 1 + given.tolerance or ratio.high < 1 / (1 + given.tolerance)
        came = f"{one.bought} ({ratio.value:.2f} of that, {ratio.low:.2f} to {ratio.high:.2f})"
        figures = {"ratio": ratio.value, "ratio_low": ratio.low, "ratio_high": ratio.high}
        remedy = "Look at the model; it is to be trained anew when this stays" if off else ""
        expected = f"{one.expected:.1f} purchases within {one.days} days of forecasts"
        checks.append(Check(name, WATCH if off else FINE, expected, came, remedy, figures))
    return checks


def windows(told: Forecasts, given: MonitorSettings, *, promised: float, seed: int) -> Check:
    found = windows_kept(told, seed=seed)
    expected = f"{100 * promised:.0f} % of the purchases within their window"
    if found is None:
        return _unknown("windows", f"purchases within {told.horizons[-1]} days of forecasts so long ago")
    buyers, share = found
    off = share.high < promised - given.windows
    came = f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f}), of {buyers} leads"
    figures = {"kept": share.value, "kept_low": share.low, "kept_high": share.high}
    return Check("windows", WATCH if off else FINE, expected, came, TRAIN if off else "", figures)


def drift(data: Material, given: MonitorSettings) -> list[Check]:
    """Scores and features of the leads open now, beside those open at the reference.

    Both as of the midnight before, as examples are: in the morning everybody's last visit is some hours further away.
    The first as of the same weekday as now, the newest such: on Sundays everybody's last visit is days further away.
    """
    today = data.now // DAY * DAY
    then = data.reference // DAY * DAY
    dates = then - (then - today) % WEEK, today
    before, now = map(data.features, dates)
    if min(len(before), len(now)) < LEAST:
        had = f"{len(now)} and {len(before)}"
        asked = f"{LEAST} open leads, now and on {to_iso(dates[0])[:10]}"
        return [_unknown(name, asked, had) for name in ("scores", "features")]
    specs = data.scorer.catalogue.features
    index, limit = {}, {}
    for j, spec in enumerate(specs):
        if spec.aggregation in CALENDAR:
            continue
        levels = None if spec.levels is None else len(spec.levels)
        index[spec.name], bins = _index(before[:, j], now[:, j], levels=levels)
        limit[spec.name] = max(given.drift, chance_index(len(before), len(now), bins, chance=_CERTAIN / len(specs)))
    scores = _scores(data, (dates[0], before), (dates[1], now), given)
    if not index:
        return [scores, _unknown("features", "features of more than the calendar")]
    moved = sorted((name for name, value in index.items() if value > limit[name]), key=lambda name: -index[name])
    strongest = max(index, key=lambda name: index[name])
    told = ", ".join(f"{name} {index[name]:.2f}" for name in moved[:5] or [strongest])
    features = Check(
        "features",
        WATCH if moved else FINE,
        f"population stability indexes up to {given.drift:g}, or what chance gives",
        f"{told}{f' and {len(moved) - 5} more' if len(moved) > 5 else ''}",
        "See whether data come as before; if the market has changed, train anew" if moved else "",
        {"strongest": index[strongest], "moved": float(len(moved))},
    )
    return [scores, features]


def _scores(data: Material, then: tuple[int, Float], now: tuple[int, Float], given: MonitorSettings) -> Check:
    scorer, ready = data.scorer, []
    for at, matrix in (then, now):
        curves = scorer.curves(matrix, np.full(len(matrix), at, dtype=np.int64))
        ready.append(scorer.readiness.of(curves.at([scorer.ready_horizon])[0][:, 0]))
    value, bins = _index(*ready, levels=None)
    off = value > max(given.drift, chance_index(len(then[1]), len(now[1]), bins, chance=_CERTAIN))
    return Check(
        "scores",
        WATCH if off else FINE,
        f"a population stability index of readiness up to {given.drift:g}, or what chance gives",
        f"{value:.2f}",
        "See what moved it: the check of features" if off else "",
        {"index": value},
    )


def _index(before: Float, now: Float, *, levels: int | None) -> tuple[float, int]:
    """The index of two columns, a missing value being a bin of its own, and the number of bins in use."""
    edges = bin_edges(before) if levels is None else np.arange(levels, dtype=np.float64)
    shares = []
    for column in (before, now):
        missing = np.isnan(column)
        known = bin_shares(column[~missing], edges) if not missing.all() else np.zeros(len(edges) + 1)
        shares.append(np.append(known * (1 - missing.mean()), missing.mean()))
    used = int((np.maximum(*shares) > 0).sum())
    return stability_index(*shares), used


@dataclass(frozen=True, eq=False)
class Habit:
    """Deadlines that came due in the year before the reference and since. ``limits``: the share of those put off lies
    between as long as nothing has changed. ``weeks``: those since the reference."""

    past: Due
    recent: Due
    limits: tuple[float, float]
    weeks: range


def habit(data: Material, given: MonitorSettings) -> Habit | None:
    """None where there is too little to compare."""
    anchor = data.reference
    found = due(data.history, data.lives, data.account, anchor=anchor, until=data.settled)
    past, recent = found.between(anchor - REFERENCE, anchor), found.between(anchor, data.settled)
    if len(past.week) < LEAST_DUE or not len(recent.week):
        return None
    low, high = share_limits(int(past.put_off.sum()), len(past.week))
    limits = _times(low, 1 / (1 + given.tolerance)), _times(high, 1 + given.tolerance)
    return Habit(past, recent, limits, range(anchor, data.settled - WEEK + 1, WEEK))


def deadlines(data: Material, given: MonitorSettings) -> Check:
    """How often declared deadlines are put off, beside the year before the reference: the sequential test."""
    found, begins = habit(data, given), to_iso(data.reference)[:10]
    if found is None:
        return _unknown("deadlines", f"{LEAST_DUE} declared deadlines before {begins}, and one after it")
    reached = float(level(found.recent, found.weeks, found.limits)[-1])
    alarm = math.log(level_for(given.false_alarm_years, steps_a_year=52))
    came, usual, alarmed = found.recent.put_off, float(found.past.put_off.mean()), reached >= alarm
    known = data.scorer.slips.get("")
    learned = "" if known is None else f" (of {known.leads} leads with one that it learned from {known.moved} had)"
    figures = {
        "log10_evidence": reached / math.log(10),
        "log10_alarm": alarm / math.log(10),
        "put_off": float(came.mean()),
        "put_off_before": usual,
    }
    return Check(
        "deadlines",
        RETRAIN if alarmed else FINE,
        f"{usual * len(came):.1f} of {len(came)} deadlines put off when they came due, as in the year before "
        f"{begins}{learned}",
        f"{int(came.sum())} since then",
        TRAIN if alarmed else "",
        figures,
    )


def _times(share: float, by: float) -> float:
    """The share of which the odds are so many times as high."""
    return share * by / (1 - share + share * by)


def broken_channels(data: Material, given: MonitorSettings) -> Check:
    """Looked at every day, each channel over several windows: the chance of a false alarm is shared out among all."""
    found = channels(data.history, data.now, share=given.channel_share)
    if not found:
        return _unknown("channels", "events with a channel")
    dying = broken(found, given)
    shown = (dying or found)[:3]
    expected = ", ".join(f"about {one.usual:.0f} leads in {one.days} days over {one.name}" for one in shown)
    came = ", ".join(str(one.now) for one in shown)
    remedy = (
        "See whether it is still recorded; if it is gone for good, train anew in some weeks, when there is something "
        "to learn from"
    )
    figures = {"dying": float(len(dying)), "lowest_share": min(one.now / max(one.usual, 1e-9) for one in shown)}
    return Check("channels", WATCH if dying else FINE, expected, came, remedy if dying else "", figures)


def broken(found: Sequence[Channel], given: MonitorSettings) -> list[Channel]:
    chance = 1 / (365 * given.false_alarm_years * max(len(found), 1) * len(WINDOWS))
    return [one for one in found if one.chance < chance]


def ages(data: Material, given: MonitorSettings) -> list[Check]:
    """Data that stopped, and a model that has grown old."""
    history = data.history
    checks = []
    from_outside = ~history.of_types(HANDOFF)  # handoffs are written by the service itself
    for name, rows, floor, what in (
        ("newest_event", from_outside, given.event_days, "an event"),
        ("newest_outcome", history.of_types(*ENDINGS), given.outcome_days, "a purchase or loss"),
    ):
        at = history.known_at[rows & (history.known_at <= data.now)]
        if not len(at):
            checks.append(_unknown(name, what))
            continue
        age = (data.now - int(at.max())) / DAY
        rate = float((at > at.max() - 90 * DAY).sum()) / 90
        limit = max(floor, longest_silence(rate, chance=1 / (365 * given.false_alarm_years)))
        late = age > limit
        remedy = "See why none comes: the model learns nothing from days of which it is not told" if late else ""
        checks.append(
            Check(name, WATCH if late else FINE, f"one within {limit:.1f} days", f"{age:.1f} days without", remedy,
                  {"age_days": age})
        )  # fmt: skip
    age = (data.now - data.learned_until) / DAY
    old = age > given.model_days
    checks.append(
        Check("model_age", RETRAIN if old else FINE, f"at most {given.model_days:g} days",
              f"{age:.0f} days since the newest that the model has learned from", TRAIN if old else "",
              {"age_days": age})
    )  # fmt: skip
    return checks


def _unknown(name: str, expected: str, came: str = "none") -> Check:
    return Check(name, UNKNOWN, expected, came)
