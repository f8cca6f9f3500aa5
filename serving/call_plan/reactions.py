"""When leads have reacted: engagement of their own, and calls that they took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import orjson

from features.business_settings import WorkingTime
from features.events import NOT_ENGAGEMENT, SALES_CALL, to_datetime
from features.history import History
from model.decision.reach import Reach, best_time, counts
from serving.call_plan.calls import NOT_REACHED, disposition_of


def best_times(history: History, works: Mapping[str, WorkingTime], mail_sent: Sequence[str]) -> dict[str, Reach]:
    """For each of these leads, within the working time of its salesperson and by the clock of that one's zone.

    The habit of all is that of every lead in the history.
    """
    reacted = _reactions(history, mail_sent)
    lead, found = history.lead_code[reacted], {}
    for timezone in {work.timezone for work in works.values()}:
        zone = ZoneInfo(timezone)
        local = [to_datetime(int(at)).astimezone(zone) for at in history.occurred_at[reacted]]
        weekday = np.array([moment.weekday() for moment in local], dtype=np.int64)
        hour = np.array([moment.hour for moment in local], dtype=np.int64)
        everyone = counts(weekday, hour)
        for lead_id, work in works.items():
            if work.timezone == timezone:
                mine = lead == history.lead_index[lead_id]
                own = counts(weekday[mine], hour[mine])
                found[lead_id] = best_time(own, everyone, week=work.week, hours=work.hours)
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
