"""When leads have reacted: engagement of their own, and calls that they took."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import orjson

from features.events import NOT_ENGAGEMENT, SALES_CALL, to_datetime
from features.history import History
from features.settings import Settings
from model.decision.reach import Reach, best_time, counts
from serving.call_plan.calls import NOT_REACHED, disposition_of


def best_times(history: History, lead_ids: Sequence[str], settings: Settings) -> dict[str, Reach]:
    """For each of these leads; the habit of all is that of every lead in the history."""
    reacted = _reactions(history, settings.events.mail_sent)
    zone = ZoneInfo(settings.sales.timezone)
    local = [to_datetime(int(at)).astimezone(zone) for at in history.occurred_at[reacted]]
    weekday = np.array([moment.weekday() for moment in local], dtype=np.int64)
    hour = np.array([moment.hour for moment in local], dtype=np.int64)
    lead, everyone = history.lead_code[reacted], counts(weekday, hour)
    found = {}
    for lead_id in lead_ids:
        mine = lead == history.lead_index[lead_id]
        own = counts(weekday[mine], hour[mine])
        found[lead_id] = best_time(own, everyone, week=settings.sales.week, hours=settings.sales.hours)
    return found


def _reactions(history: History, mail_sent: Sequence[str]) -> npt.NDArray[np.int64]:
    """Which events are reactions: a mail that was sent is none, nor is a call that nobody took."""
    engaged = np.array([name not in NOT_ENGAGEMENT and name not in mail_sent for name in history.types], dtype=np.bool_)
    called = np.array([name == SALES_CALL for name in history.types], dtype=np.bool_)
    taken = engaged[history.type_code] if len(engaged) else np.zeros(history.n_events, dtype=np.bool_)
    for row in np.flatnonzero(called[history.type_code]) if len(called) else ():
        text = history.property_texts[int(history.property_code[row])].as_py()
        taken[row] = disposition_of(orjson.loads(text)) not in NOT_REACHED
    return np.flatnonzero(taken)
