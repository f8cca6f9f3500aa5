"""Where a lead stands: whether a call is due, settled by one that was made, or not to be made at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.events import DAY
from features.settings import Settings
from serving.call_plan.calls import TOO_EARLY, Call, LastCalls, last_calls, local
from serving.handoffs.windows import Window, held_out, open_windows
from serving.scoring import Answer
from serving.service import Service

OVERDUE, DUE, COMING, NO_CALL, CALLED, HELD_OUT = "overdue", "due_today", "coming", "no_call", "called", "held_out"
NEVER = date.max


@dataclass(frozen=True)
class Standing:
    """``due``: the date that was or is to be kept. ``from_on``: no call before that day; NEVER: none is planned."""

    state: str
    due: date | None
    from_on: date
    called_today: bool


def standings(service: Service, leads: Sequence[Answer], now: int) -> dict[str, Standing]:
    """By lead, of these answers of the call list, as of ``now``."""
    ids = [lead["lead_id"] for lead in leads]
    windows, calls = open_windows(service.store, ids), last_calls(service.store, ids, now)
    untold = held_out(service.settings, windows, ids)
    zones = {owner: service.settings.sales.of(owner).timezone for owner in {lead["owner"] for lead in leads}}
    found = {}
    for lead in leads:
        lead_id = lead["lead_id"]
        judged = _Judged(service.settings, lead, windows.get(lead_id), now, zones[lead["owner"]])
        state, due, from_on = judged.after(calls.get(lead_id))
        if lead_id in untold:
            state, due, from_on = HELD_OUT, None, NEVER
        called_today = lead_id in calls and judged.day(calls[lead_id].any.at) == judged.today
        if called_today:  # once a day is enough
            from_on = max(from_on, judged.today + timedelta(days=1))
        found[lead_id] = Standing(state, due, from_on, called_today)
    return found


class _Judged:
    """One lead, and the rules of docs/calling.md on when a call settles it. Days are its salesperson's."""

    def __init__(self, settings: Settings, lead: Answer, window: Window | None, now: int, timezone: str) -> None:
        self._settings, self._lead, self._window, self._now = settings, lead, window, now
        self._timezone = timezone
        self.today = self.day(now)

    def day(self, micros: int) -> date:
        return local(micros, self._timezone).date()

    def after(self, made: LastCalls | None) -> tuple[str, date | None, date]:
        """State, due date and the first day on which to call; ``made``: the calls so far."""
        reached = None if made is None else made.reaching
        settled = reached is not None and not self._opened_since(reached)
        if reached is not None and reached.disposition == TOO_EARLY:
            if settled:
                return self._paused(reached)
        elif reached is not None and (settled or self._is_worked_on(reached)):
            return CALLED, None, NEVER
        due, window = self._due_on(), self._window
        if window is not None and (made is None or made.any.at < window.opened_at):
            due = self._to_keep(window) or due
            if due is not None and due < self.today:
                return OVERDUE, due, self.today
        return self._awaits(due), due, self.today

    def _paused(self, too_early: Call) -> tuple[str, date | None, date]:
        """By the score, which knows of the call. A date that moves by less is the one that was just too early."""
        due = self._due_on()
        from_on = self.day(too_early.at) + timedelta(days=self._settings.handoff_close_days)
        due = None if due is None else max(due, from_on)
        return self._awaits(due), due, from_on

    def _awaits(self, due: date | None) -> str:
        return NO_CALL if due is None else DUE if due <= self.today else COMING

    def _is_worked_on(self, call: Call) -> bool:
        return self._now - call.at < self._settings.costs.lead_time * DAY

    def _opened_since(self, call: Call) -> bool:
        """Whether the window opened on a day after the call: on the same day the call itself may have opened it."""
        return self._window is not None and self.day(self._window.opened_at) > self.day(call.at)

    def _due_on(self) -> date | None:
        """From when on the lead is to be called: when waiting begins to cost more, or by the call date if settings
        go by that.
        """
        lead = self._lead
        by_date = self._settings.handoff_days_ahead is not None
        told = lead["call_on"] if by_date else lead.get("handoff_on") or lead["call_on"]
        return None if told is None or lead["call_on"] is None else date.fromisoformat(told)

    def _to_keep(self, window: Window) -> date | None:
        """The date to be kept of an open window, which is the day on which it opened where waiting counts."""
        if window.call_on is None or self._settings.handoff_days_ahead is not None:
            return window.call_on
        return min(window.call_on, self.day(window.opened_at))
