"""The change of readiness and date, taken apart: time passed, new events, a new model.

One thing after the other is brought up to date, in this order, and the lead is scored in between. The parts are
differences of neighbours, so they add up exactly; another order would share out differently what two of them did
together. All figures are rounded before they are subtracted: readiness to hundredths, dates to days.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from features.errors import UnknownLead
from features.events import DAY, to_datetime, to_iso
from features.history import History
from features.store import Store
from serving import answers
from serving.background.score_table import set_in_service
from serving.registry import ModelSource, Served, earlier
from serving.scoring import standing_of_each

SHOWN = 50  # new events that are listed
SAME = "the same model"
Answer = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A score: readiness in hundredths, the best day to call if there is a call at all (days since 1970)."""

    as_of: int
    readiness: int
    best: int
    call: bool
    model_version: str

    def answer(self) -> Answer:
        day = _date(self.best)
        return {
            "as_of": to_iso(self.as_of),
            "readiness": self.readiness / 100,
            "best_day": day,
            "call_on": day if self.call else None,
            "model_version": self.model_version,
        }


def compare(store: Store, models: ModelSource, lead_id: str, since: int, now: int) -> Answer:
    """What the API answers. UnknownLead when the log holds nothing of it."""
    events = store.events([lead_id], known_by=now) if "\x00" not in lead_id else None
    if events is None or events.num_rows == 0:
        raise UnknownLead(lead_id)
    lead = events["lead_id"][0].as_py()
    served = models.current()
    then, today = (store.history([lead], known_by=moment) for moment in (since, now))
    known = {"lead_id": lead_id, "since": to_iso(since), "as_of": to_iso(now)}
    for history, moment in ((then, since), (today, now)):
        why = _not_scorable(history, lead, moment)
        if why is not None:
            said = f"not scorable as of {to_iso(moment)}: {why}"
            return {**known, "comparable": False, "reason": said, "before": None, "now": None, "change": None,
                    "parts": [], "events": [], "new_events": 0}  # fmt: skip
    before, told = _model_then(models, served, since)
    if told == SAME:
        told += _costs_since(store, served, since, now)
    states = [
        _state(before, then, lead, since),
        _state(before, then, lead, now),
        _state(before, today, lead, now),
        _state(served, today, lead, now),
    ]
    new = _new(events, since)
    others = max(today.n_events - then.n_events - len(new), 0)
    texts = (f"{_spell(now - since)} passed", _events_text(new, others), told)
    parts = [
        {"part": name, "text": text, **_difference(one, other)}
        for name, text, one, other in zip(("time", "events", "model"), texts, states, states[1:], strict=False)
    ]
    return {
        **known,
        "comparable": True,
        "reason": None,
        "before": states[0].answer(),
        "now": states[-1].answer(),
        "change": _difference(states[0], states[-1]),
        "parts": parts,
        "events": [{**event, "occurred_at": to_iso(event["occurred_at"])} for event in new[:SHOWN]],
        "new_events": len(new),
    }


def _not_scorable(history: History, lead: str, moment: int) -> str | None:
    if lead not in history.lead_index:
        return "no event of this lead was known at this time"
    standing = standing_of_each(history, moment)[history.lead_index[lead]]
    return None if standing.status == answers.OPEN else standing.reason


def _model_then(models: ModelSource, served: Served, since: int) -> tuple[Served, str]:
    """The model that answered at ``since`` as far as it is at hand, and what to say of it."""
    if served.registered_at is None or served.registered_at <= since:
        return served, SAME
    before = earlier(models)
    if before is None:
        when = to_iso(served.registered_at)
        return served, f"a new model came on {when}; the one before is not at hand, so both sides are by the new one"
    return before, f"a new model: version {served.version} in place of {before.version}"


def _costs_since(store: Store, served: Served, since: int, now: int) -> str:
    """What to say where the service answers as it does only since a moment after ``since``, else an empty text.

    The costs before those in force are not kept, so both ends are by these.
    """
    with store.reading() as connection:
        found = set_in_service(connection)
    if found is None:
        return ""
    # another set answers the call list until all leads have a score by this model and these costs
    begun = now if found.registered != served.key else found.whole_at or now
    return f", at both ends by the costs in force: it answers so since {to_iso(begun)}" if begun > since else ""


def _state(served: Served, history: History, lead: str, as_of: int) -> State:
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.decision import decide  # noqa: PLC0415
    from model.scorer import deal_values  # noqa: PLC0415

    scorer, times = served.scorer, np.full(1, as_of, dtype=np.int64)
    matrix = build_matrix(history, Requests([lead], times), scorer.catalogue)
    curves = scorer.curves(matrix, times)
    chance = curves.at([scorer.ready_horizon])[0][:, 0]
    decision = decide(curves, scorer.costs, deal_values(scorer.catalogue, matrix))
    return State(
        as_of=as_of,
        readiness=round(100 * float(scorer.readiness.of(chance)[0])),
        best=int(np.floor(as_of / DAY + decision.day[0])),
        call=bool(decision.call[0]),
        model_version=served.version,
    )


def _difference(one: State, other: State) -> Answer:
    return {"readiness": (other.readiness - one.readiness) / 100, "days": other.best - one.best}


def _new(events: pa.Table, since: int) -> list[Answer]:
    """What was not known at ``since``, the latest first."""
    rows = events.select(["type", "channel", "occurred_at", "recorded_at", "bot"]).to_pylist()
    new = [row for row in rows if max(row["occurred_at"], row["recorded_at"]) > since and not row["bot"]]
    new.sort(key=lambda row: -row["occurred_at"])
    return [{name: row[name] for name in ("type", "channel", "occurred_at")} for row in new]


def _events_text(new: list[Answer], others: int) -> str:
    counts = Counter(event["type"].replace("_", " ") for event in new)
    listed = ", ".join(f"{count} {name}" for name, count in counts.most_common(4))
    own = f"{len(new)} new event{'s' * (len(new) != 1)}" + (f": {listed}" if listed else "")
    return f"{own}; {others} of colleagues" if others else own


def _spell(micros: int) -> str:
    days, hours = micros // DAY, micros % DAY // (DAY // 24)
    return f"{days} day{'s' * (days != 1)}" if days else f"{hours} hour{'s' * (hours != 1)}"


def _date(day: int) -> str:
    return (to_datetime(0).date() + timedelta(days=day)).isoformat()
