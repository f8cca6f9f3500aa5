"""The call plan: each lead's day, by what waiting costs, under each salesperson's capacity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from features.business_settings import SalesSettings
from features.events import to_datetime, to_iso
from features.history import History
from features.settings import Settings
from model.curves import Float
from serving import answers
from serving.call_plan.closed_days import closed_days
from serving.call_plan.overdue import last_calls, open_windows
from serving.call_plan.reactions import best_times
from serving.registry import Served
from serving.scoring import standing_of_each
from serving.service import Service

Answer = dict[str, Any]
LOOKED_AT = 500  # leads, the most urgent first: who comes later has no cost of waiting for a week, or a small one
OVERDUE, DUE, COMING, NO_CALL = "overdue", "due_today", "coming", "no_call"


@dataclass(frozen=True, eq=False)
class Outlook:
    """For each of n leads the expected cost of waiting for each of k working days, and for none of them."""

    lead_ids: list[str]
    cost: Float
    otherwise: Float


def call_plan(service: Service, owner: str | None, n_days: int, now: int) -> Answer:
    """What the API answers. ModelUnavailable without a model."""
    from model.decision.working_days import working_days  # noqa: PLC0415 - scipy: a start should not wait for it

    sales, served = service.settings.sales, service.models.current()
    today = _local(now, sales.timezone).date()
    years = range(today.year, today.year + 2)
    days = working_days(today, n_days, closed=closed_days(sales, years), week=sales.week)
    listed = service.call_list.read(owner, LOOKED_AT)
    history = service.store.history([lead["lead_id"] for lead in listed.leads], known_by=now)
    where = standing_of_each(history, now)
    still_open = {lead for lead, one in zip(history.lead_ids, where, strict=True) if one.status == answers.OPEN}
    leads = {lead["lead_id"]: lead for lead in listed.leads if lead["lead_id"] in still_open}
    called = {lead_id: at for lead_id, at in last_calls(history).items() if lead_id in leads}
    called_today = {lead_id for lead_id, at in called.items() if _local(at, sales.timezone).date() == today}
    outlook = _outlook(served, history, list(leads), [(day - today).days for day in days], now)
    place, delay = _planned(outlook, leads, called_today, sales, works_today=days[:1] == [today])
    windows = _due_windows(service, outlook.lead_ids)
    reach = best_times(history, outlook.lead_ids, service.settings)
    rows = []
    for i, (lead_id, lead) in enumerate(leads.items()):
        state, due = _state(_due_on(lead, service.settings), windows.get(lead_id), called.get(lead_id), today)
        rows.append(
            {
                **{name: lead[name] for name in ("lead_id", "owner", "value", "readiness", "call_on", "reasons")},
                "handoff_on": lead.get("handoff_on"),  # scores that an older program kept have none
                "planned_on": days[place[i]].isoformat() if place[i] >= 0 else None,
                "state": state,
                "due": None if due is None else due.isoformat(),
                "cost_of_delay": float(delay[i]),
                "called_today": lead_id in called_today,
                "best_weekday": reach[lead_id].weekday,
                "best_hour": reach[lead_id].hour,
                "reactions": reach[lead_id].reactions,
            }
        )
    rows.sort(key=lambda row: (row["planned_on"] or "9999", -row["cost_of_delay"], row["lead_id"]))
    return {
        "as_of": to_iso(now),
        "model_version": served.version,
        "days": [day.isoformat() for day in days],
        "capacities": {name: sales.capacity(name) for name in sorted({r["owner"] for r in rows if r["owner"]})},
        "total": listed.total,
        "leads": rows,
    }


def _planned(
    outlook: Outlook,
    leads: Mapping[str, Answer],
    called_today: Collection[str],
    sales: SalesSettings,
    *,
    works_today: bool,
) -> tuple[npt.NDArray[np.int64], Float]:
    """(n,) each: the place of each lead's day, -1 without one, and its cost of delay. Each salesperson plans alone."""
    from model.decision import cost_of_delay, plan  # noqa: PLC0415 - as above

    done = Counter(leads[lead_id]["owner"] for lead_id in called_today)
    owners = [leads[lead_id]["owner"] for lead_id in outlook.lead_ids]
    if works_today:  # once a day is enough
        again = np.array([lead_id in called_today for lead_id in outlook.lead_ids], dtype=np.bool_)
        outlook.cost[again, 0] = outlook.otherwise[again]
    place = np.full(len(owners), -1, dtype=np.int64)
    for name in set(owners):
        mine = np.array([owner == name for owner in owners])
        room = np.full(outlook.cost.shape[1], sales.capacity(name))
        if works_today:
            room[0] = max(room[0] - done[name], 0)
        place[mine] = plan(outlook.cost[mine], outlook.otherwise[mine], room)
    return place, cost_of_delay(outlook.cost, outlook.otherwise, place)


def _outlook(served: Served, history: History, lead_ids: list[str], offsets: Sequence[int], now: int) -> Outlook:
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.decision import waiting_cost, weighed_days  # noqa: PLC0415
    from model.scorer import deal_values  # noqa: PLC0415

    scorer, times = served.scorer, np.full(len(lead_ids), now, dtype=np.int64)
    if not lead_ids:
        return Outlook([], np.empty((0, len(offsets))), np.empty(0))
    matrix = build_matrix(history, Requests(lead_ids, times), scorer.catalogue)
    curves, missed_days = scorer.curves(matrix, times), weighed_days(scorer.costs, float(scorer.horizons[-1]))
    cost, never = waiting_cost(curves, scorer.costs, deal_values(scorer.catalogue, matrix), missed_days=missed_days)
    last = cost.shape[1] - 1
    within = [min(offset, last) for offset in offsets]
    later = cost[:, min(within[-1] + 1, last) :].min(axis=1) if within else cost.min(axis=1)
    return Outlook(lead_ids, cost[:, within].copy(), np.minimum(later, never))


def _due_on(lead: Answer, settings: Settings) -> date | None:
    """From when on the lead is to be called: when waiting begins to cost more, unless settings go by the call date."""
    told = lead["call_on"] if settings.handoff_days_ahead is not None else lead.get("handoff_on") or lead["call_on"]
    return None if told is None or lead["call_on"] is None else date.fromisoformat(told)


def _due_windows(service: Service, lead_ids: list[str]) -> dict[str, tuple[int, date | None]]:
    """By lead with an open window: when it opened, and the date to be kept, which is that day where waiting counts."""
    windows = open_windows(service.store, lead_ids)
    if service.settings.handoff_days_ahead is not None:
        return windows
    timezone = service.settings.sales.timezone
    return {lead_id: (at, due and min(due, _local(at, timezone).date())) for lead_id, (at, due) in windows.items()}


def _state(
    due: date | None, window: tuple[int, date | None] | None, called_at: int | None, today: date
) -> tuple[str, date | None]:
    """Where a lead stands, and the date that was or is to be kept. ``due``: of a lead without an open window."""
    if window is not None and window[1] is not None and (called_at is None or called_at < window[0]):
        due = window[1]
        return (OVERDUE if due < today else DUE if due == today else COMING), due
    if due is None:
        return NO_CALL, None
    return (DUE if due <= today else COMING), due


def _local(micros: int, timezone: str) -> datetime:
    return to_datetime(micros).astimezone(ZoneInfo(timezone))
