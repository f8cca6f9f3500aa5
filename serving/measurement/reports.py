"""From the journeys to the answers of the reports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from features.events import EARLIEST, to_iso
from features.settings import Settings
from model.measurement.attribution import MODELS, Credit, Options, attribute, cohort
from model.measurement.exact import MONEY_UNITS, WIN_UNITS
from model.measurement.journeys import Journeys
from model.measurement.period import Period
from model.measurement.returns import Return, returns
from model.measurement.sourced import sourced
from model.metrics.bootstrap import Estimate
from serving.measurement.inputs import Inputs
from serving.measurement.payloads import AttributionQuery, PeriodQuery, ReturnsQuery
from serving.problems import invalid

Answer = dict[str, Any]


class Reports:
    """Each method makes one report as of ``now`` (microseconds since 1970 UTC); 422 for a period that ends before it
    begins.
    """

    def __init__(self, inputs: Inputs, settings: Settings) -> None:
        self._inputs, self._settings = inputs, settings
        given = settings.measurement
        self._options = Options(visit_minutes=given.visit_minutes, half_life_days=given.half_life_days)

    def sourced(self, query: PeriodQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        found = sourced(data, period)
        return {
            **head,
            "total": asdict(found.total),
            "handed_over": found.handed_over,
            "handed_over_without_window": found.handed_over_without_window,
            "ripe_leads": found.ripe_leads,
            "rows": [{"month": month, **asdict(won)} for month, won in found.months.items()],
        }

    def sources(self, query: PeriodQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        return {**head, "rows": [asdict(one) for one in sourced(data, period).sources]}

    def attribution(self, query: AttributionQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        group = cohort(data, period, query.by, self._options)
        wanted = MODELS if query.model is None else (query.model,)
        return {
            **head,
            "by": query.by,
            "wins": len(group.wins.month),
            "value": int(group.wins.amount.sum()) / MONEY_UNITS,
            "rows": [row for model in wanted for row in _credited(attribute(group, model, self._options))],
        }

    def returns(self, query: ReturnsQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        group = cohort(data, period, query.by, self._options)
        spend = self._inputs.spend(period, now)
        found = returns(attribute(group, query.model, self._options), spend, query.by)
        return {
            **head,
            "by": query.by,
            "model": query.model,
            "spend": int(spend.amount.sum()) / MONEY_UNITS,
            "ripe_leads": len(group.ripe.month),
            "wins": len(group.wins.month),
            "value": int(group.wins.amount.sum()) / MONEY_UNITS,
            "rows": [_return(one) for one in found],
        }

    def _begin(self, query: PeriodQuery, now: int) -> tuple[Journeys, Period, Answer]:
        data = self._inputs.journeys(now)
        until = data.known_by + 1 if query.until is None else min(query.until, data.known_by + 1)
        since = EARLIEST if query.since is None else query.since
        if query.since is not None and query.until is not None and query.since >= query.until:
            got = f"expected a time after since ({to_iso(query.since)}), got {to_iso(query.until)}"
            raise invalid("query", {"until": [f"{got}. A report is of what happened from since on, before until"]})
        head = {
            "as_of": to_iso(data.known_by),
            "since": None if query.since is None else to_iso(query.since),
            "until": to_iso(min(until, data.known_by)),
        }
        return data, Period(since, until), head


def _credited(credit: Credit) -> Iterable[Answer]:
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


def _estimate(name: str, value: float | None, within: Estimate | None) -> Answer:
    low, high = (None, None) if within is None else (within.low, within.high)
    return {name: value, f"{name}_low": _finite(low), f"{name}_high": _finite(high)}


def _return(one: Return) -> Answer:
    row = asdict(one)
    for name in ("cost_per_ripe_lead", "return_on_spend"):
        low, high = row.pop(f"{name}_within") or (None, None)
        row |= {f"{name}_low": _finite(low), f"{name}_high": _finite(high)}
    return row


def _finite(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None
