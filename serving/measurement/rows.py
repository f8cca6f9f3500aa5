"""The rows of the reports, as they are answered."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from model.measurement.attribution import Credit
from model.measurement.exact import MONEY_UNITS, WIN_UNITS
from model.measurement.feedback import Feedback, Reason
from model.measurement.kept import BaseRate, Chances, Windows
from model.measurement.returns import Return
from model.measurement.salespeople import Salesperson, outside
from model.measurement.satisfied import Fact, Path
from model.metrics.bootstrap import Estimate

Answer = dict[str, Any]


def credited(credit: Credit) -> Iterable[Answer]:
    wins, value = credit.wins.sum(axis=0), credit.value.sum(axis=0)
    order = sorted(range(len(credit.keys)), key=lambda j: (credit.keys[j][0] is None, -wins[j], -value[j]))
    for j in order:
        if not wins[j] and not value[j]:
            continue
        channel, campaign = credit.keys[j]
        has_removal = credit.removal is not None and channel is not None
        yield {
            "model": credit.model,
            "channel": channel,
            "campaign": campaign,
            **_estimate("wins", int(wins[j]) / WIN_UNITS, credit.wins_within[j]),
            **_estimate("value", int(value[j]) / MONEY_UNITS, credit.value_within[j]),
            **_estimate(
                "removal_effect",
                credit.removal[j].value if credit.removal is not None and has_removal else None,
                credit.removal[j] if credit.removal is not None and has_removal else None,
            ),
        }


def salesperson(one: Salesperson) -> Answer:
    low, inner_low, inner_high, high = one.limits or (None,) * 4
    hours = one.reaction or (None,) * 3
    return {
        "owner": one.owner,
        "handed_over": one.handed_over,
        "leads": one.leads,
        "computed_afterwards": one.afterwards,
        "wins": one.wins,
        "expected_wins": finite(one.expected),
        "ratio": finite(one.ratio),
        **_measured("shrunk_ratio", one.shrunk),
        "limit_low_998": finite(low),
        "limit_low_95": finite(inner_low),
        "limit_high_95": finite(inner_high),
        "limit_high_998": finite(high),
        "outside": outside(one),
        **_measured("minutes", one.minutes),
        "minutes_leads": one.minutes_leads,
        **{f"reaction_hours{end}": finite(value) for end, value in zip(("", "_low", "_high"), hours, strict=True)},
        **_measured("called_within_day", one.within_day),
    }


def windows(one: Windows) -> Answer:
    row = {name: value for name, value in asdict(one).items() if name not in ("whole", "share", "afterwards")}
    return {**row, "computed_afterwards": one.afterwards, **_measured("kept_share", one.share)}


def chances(one: Chances) -> Answer:
    return {
        "group": one.group,
        "horizon": one.horizon,
        "handoffs": one.handoffs,
        "seen": one.seen,
        "computed_afterwards": one.afterwards,
        "predicted": finite(one.predicted),
        **_measured("happened", one.happened),
    }


def base_rate(one: BaseRate) -> Answer:
    return {
        "month": one.month,
        "horizon": one.horizon,
        "leads": one.leads,
        "seen": one.seen,
        **_measured("rate", one.rate),
        "all_months": finite(one.all),
        "drifted": one.drifted,
    }


def told_back(one: Feedback) -> Answer:
    return {
        **{name: getattr(one, name) for name in ("channel", "campaign", "wins", "lost")},
        **_measured("satisfaction", one.satisfaction),
        "answers": one.answers,
        "calls": one.calls,
        **one.dispositions,
        "other": one.other,
        **_measured("on_time_share", one.on_time_share),
        **_measured("too_early_share", one.too_early_share),
        "handed_over": one.handed_over,
        "rejected": one.rejected,
        **_measured("rejected_share", one.rejected_share),
    }


def reason(one: Reason) -> Answer:
    return {"outcome": one.outcome, "reason": one.reason, "leads": one.leads, **_measured("share", one.share)}


def fact(one: Fact) -> Answer:
    return {
        "kind": one.kind,
        "name": one.name or None,
        "value": one.value,
        "satisfied": one.count,
        "satisfied_of": one.of,
        "satisfied_share": finite(one.count / one.of),
        "others": one.other_count,
        "others_of": one.other_of,
        "others_share": finite(one.other_count / one.other_of),
        **_measured("lift", one.lift),
        "p": float(f"{one.p:.4g}"),
        "q": float(f"{one.q:.4g}"),
    }


def path(one: Path) -> Answer:
    return {
        **{name: getattr(one, name) for name in ("kind", "first", "middle", "last")},
        "satisfied": one.count,
        "satisfied_share": finite(one.count / one.of),
        "others": one.other_count,
        "others_share": finite(one.other_count / one.other_of) if one.other_of else None,
    }


def _measured(name: str, found: Estimate | None) -> Answer:
    return _estimate(name, None if found is None else finite(found.value), found)


def _estimate(name: str, value: float | None, within: Estimate | None) -> Answer:
    low, high = (None, None) if within is None else (within.low, within.high)
    return {name: value, f"{name}_low": finite(low), f"{name}_high": finite(high)}


def returned(one: Return) -> Answer:
    row = asdict(one)
    row |= {name: finite(row[name]) for name in ("cost_per_ripe_lead", "cost_per_win", "return_on_spend")}
    for name in ("cost_per_ripe_lead", "return_on_spend"):
        low, high = row.pop(f"{name}_within") or (None, None)
        row |= {f"{name}_low": finite(low), f"{name}_high": finite(high)}
    return row


def finite(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None
