"""When a lead's purchase window opens and closes: docs/adr/0011-a-handoff-for-each-opening.md.

It opens with the first refreshed score by which a call is worth it and its day has come (UTC). It closes
when the lead ends, when no call is worth it any more, when that date moves away by more than some days, or when sales
rejects the handoff: then only new engagement of the lead lets it open again. Openings of leads in the random holdout
are recorded all the same, but nobody is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import orjson
import pyarrow.compute as pc
import sqlalchemy as sa

from features.events import (
    HANDOFF,
    HANDOFF_REJECTED,
    NOT_ENGAGEMENT,
    Event,
    content_id,
    events_table,
    to_datetime,
    to_iso,
)
from features.store import Store
from features.store.schema import events
from features.store.transaction import Transaction
from features.store.work import openings
from serving.addresses import dossier_path
from serving.handoffs.holdout import Holdout
from serving.webhooks.messages import WINDOW_CLOSED, WINDOW_OPENED, Message
from serving.webhooks.queue import enqueue

Answer = dict[str, Any]

# Why a window closed, beside purchased, lost and gone.
NO_CALL, MOVED, REJECTED = "no_call_expected", "moved_away", "rejected"
_NOT_HANDED_ON = (
    "lead_id", "status", "reason", "curve", "error",
    "cost_today", "cost_best", "cost_week_later", "cost_never", "basis", "basis_why", "missing",
)  # fmt: skip


class Judge:
    """Holds the openings against new scores. ``days_ahead``: how near ``call_on`` must be; None: the day is
    ``handoff_on``. ``close_days``: how many days further away that date may move from an open window.

    ``holdout``: the leads of whose windows nobody is told. ``mail_sent``: types of events that are no engagement, since
    the lead did nothing.
    """

    def __init__(
        self,
        store: Store,
        close_days: int,
        holdout: Holdout | None = None,
        mail_sent: Collection[str] = (),
        *,
        days_ahead: int | None = None,
    ) -> None:
        self._store, self._ahead = store, timedelta(days=days_ahead or 0)
        self._date = "handoff_on" if days_ahead is None else "call_on"
        self._close_after = self._ahead + timedelta(days=close_days)
        self._holdout = holdout or Holdout()
        self._silent = NOT_ENGAGEMENT.union(mail_sent)

    def judge(self, connection: sa.Connection, scored: Sequence[Answer], ended: Mapping[str, str], now: int) -> None:
        """Open and close windows, append the handoffs and queue the webhooks, all in the caller's transaction.

        ``scored``: answers about open leads, with owner, as of ``now``; ``ended``: leads no longer open, and why.
        """
        today = to_datetime(now).date()
        open_now = _open_windows(connection, [*(answer["lead_id"] for answer in scored), *ended])
        for lead_id, reason in sorted(ended.items()):
            if lead_id in open_now:
                close(connection, open_now[lead_id], reason, now)
        due = []
        for answer in scored:
            near = date.max if answer[self._date] is None else date.fromisoformat(answer[self._date])
            window, worth = open_now.get(answer["lead_id"]), answer["call_on"] is not None
            if window is None and worth and near <= today + self._ahead:
                due.append(answer)
            elif window is not None and not worth:
                close(connection, window, NO_CALL, now)
            elif window is not None and near > today + self._close_after:
                close(connection, window, MOVED, now)
        sent_back = self._sent_back(connection, [answer["lead_id"] for answer in due])
        due = [answer for answer in due if answer["lead_id"] not in sent_back]
        if due:
            self._open(connection, due, now)

    def _sent_back(self, connection: sa.Connection, lead_ids: Sequence[str]) -> set[str]:
        """The leads that sales rejected and that have not engaged since, aliases included.

        Read in the transaction that would open their windows: a rejection comes before it or finds the new handoff.
        """
        if not lead_ids:
            return set()
        log = Transaction(self._store.engine, connection)
        mine = (events.c.lead_id.in_(log.aliases_of(lead_ids)), events.c.type == HANDOFF_REJECTED)
        found = connection.execute(sa.select(events.c.lead_id).where(*mine).distinct()).scalars().all()
        if not found:
            return set()
        rows = log.events(sorted(set(log.canonical(found).values())))
        rows = rows.filter(pc.invert(rows["bot"])).select(["lead_id", "type", "occurred_at"])
        rejected: dict[str, int] = {}
        engaged: dict[str, int] = {}
        for row in rows.to_pylist():
            last = rejected if row["type"] == HANDOFF_REJECTED else engaged
            if last is rejected or row["type"] not in self._silent:
                last[row["lead_id"]] = max(row["occurred_at"], last.get(row["lead_id"], row["occurred_at"]))
        return {lead_id for lead_id, at in rejected.items() if engaged.get(lead_id, at) <= at}

    def _open(self, connection: sa.Connection, due: Sequence[Answer], now: int) -> None:
        mine = openings.c.lead_id.in_([answer["lead_id"] for answer in due])
        highest = sa.select(openings.c.lead_id, sa.func.max(openings.c.number)).where(mine)
        numbers = dict(connection.execute(highest.group_by(openings.c.lead_id)).all())
        handoffs: list[tuple[Event, Answer]] = []
        for answer in due:
            lead_id = answer["lead_id"]
            number = numbers.get(lead_id, 0) + 1
            event = Event(
                event_id=content_id(HANDOFF, lead_id, number),
                lead_id=lead_id,
                type=HANDOFF,
                occurred_at=now,
                recorded_at=now,
                properties={"number": number, **handed_on(answer), **self._drawn(lead_id)},
            )
            handoffs.append((event, answer))
        self._store.append_in(connection, events_table(event for event, _ in handoffs))
        ids = [event.event_id for event, _ in handoffs]
        found = connection.execute(sa.select(events.c.event_id, events.c.position).where(events.c.event_id.in_(ids)))
        positions = dict(found.all())
        for event, answer in handoffs:
            number = event.properties["number"]
            row = {
                "lead_id": event.lead_id,
                "number": number,
                "event_id": event.event_id,
                "position": positions[event.event_id],
                "owner": answer["owner"],
                "opened_at": now,
            }
            connection.execute(openings.insert().values(row))
            if event.properties["held_out"]:
                continue
            data = {"handoff_id": event.event_id, "lead_id": event.lead_id, "number": number, **handed_on(answer)}
            data["dossier"] = dossier_path(event.lead_id, now)
            enqueue(connection, _message(WINDOW_OPENED, event.lead_id, number, now, data), now)

    def _drawn(self, lead_id: str) -> dict[str, Any]:
        """With the share that was in force: what lift is to be weighed by later."""
        return {"held_out": self._holdout.holds(lead_id), "holdout_share": self._holdout.share}


def handed_on(answer: Answer) -> dict[str, Any]:
    """What a handoff tells: the score by which the window opened, and the lead's owner."""
    return {name: value for name, value in answer.items() if name not in _NOT_HANDED_ON}


def leads_with_open_window(connection: sa.Connection) -> list[str]:
    query = sa.select(openings.c.lead_id).where(openings.c.closed_at.is_(None)).order_by(openings.c.lead_id)
    return list(connection.execute(query).scalars())


def _open_windows(connection: sa.Connection, lead_ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    mine = (openings.c.lead_id.in_(lead_ids), openings.c.closed_at.is_(None))
    return {row.lead_id: row for row in connection.execute(sa.select(openings).where(*mine))}


def close(connection: sa.Connection, window: sa.Row[Any], because: str, now: int) -> None:
    """Close a window (a row of openings) and tell of it, in the caller's transaction."""
    this = (openings.c.lead_id == window.lead_id, openings.c.number == window.number)
    connection.execute(openings.update().where(*this).values(closed_at=now, closed_because=because))
    if _was_held_out(connection, window.event_id):
        return
    data = {
        "handoff_id": window.event_id,
        "lead_id": window.lead_id,
        "number": window.number,
        "owner": window.owner,
        "opened_at": to_iso(window.opened_at),
        "closed_at": to_iso(now),
        "closed_because": because,
    }
    enqueue(connection, _message(WINDOW_CLOSED, window.lead_id, window.number, now, data), now)


def _was_held_out(connection: sa.Connection, handoff_id: str) -> bool:
    """As it was when the window opened: the settings may be others now."""
    said = connection.execute(sa.select(events.c.properties).where(events.c.event_id == handoff_id)).scalar()
    return said is not None and bool(orjson.loads(said).get("held_out"))


def _message(kind: str, lead_id: str, number: int, now: int, data: Mapping[str, Any]) -> Message:
    return Message(f"msg_{content_id(kind, lead_id, number)}", kind, now, data, lead_id)
