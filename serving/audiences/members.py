"""Who is in which audience now, and what is given out of each lead."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, get_args

import numpy as np
import orjson
import sqlalchemy as sa

from features.business_settings import Measurement
from features.events import to_datetime
from features.lives import OPEN
from features.property_values import text_of
from features.store import Store
from features.store.work import openings, scores
from model.measurement import audiences
from model.measurement.journeys import Bool, Journeys
from serving.audiences.payloads import Name
from serving.background import score_table
from serving.service import Service

Answer = dict[str, Any]

NAMES: tuple[Name, ...] = get_args(Name)
DESCRIPTIONS: dict[Name, str] = {
    "ripening": "open leads whose purchase window opens within the next days: warm them up",
    "rejected": "open leads that sales gave back: nurture them further",
    "lapsed": "open leads whose purchase window has passed: win them back",
    "satisfied": "the most satisfied customers: a seed for lookalikes, and for references",
    "not_now": "open leads that were called too early: stay in touch until their time comes",
}
_OF_LOG: dict[Name, Callable[[Journeys, Measurement], Bool]] = {
    "rejected": lambda data, _: audiences.rejected(data),
    "lapsed": lambda data, _: audiences.lapsed(data),
    "satisfied": lambda data, given: audiences.most_satisfied(data, given.satisfied_from),
    "not_now": lambda data, _: audiences.not_now(data),
}
_OF_SCORE = ("readiness", "call_on", "window_start", "window_end")
_TEXTS = ("owner", "source", "account_id")
_PERSONAL = frozenset({"email", "phone", "firstName", "lastName", "first_name", "last_name", "name"})


def members(name: Name, data: Journeys, service: Service, days: int | None = None) -> list[str] | None:
    """The ids of its leads, in order; None where it needs scores and there are none yet."""
    given = service.settings.measurement
    allowed = ~audiences.refused(data, given.audience_refusals)
    if name != "ripening":
        found = np.flatnonzero(_OF_LOG[name](data, given) & allowed)
        return [data.lead_ids[i] for i in found.tolist()]
    horizons = service.settings.horizons
    today = to_datetime(data.known_by).date()
    due = _opening(service.store, today, today + timedelta(days=days or horizons[min(1, len(horizons) - 1)]))
    if due is None:
        return None
    found = np.flatnonzero((data.outcome == OPEN) & allowed)
    return [data.lead_ids[i] for i in found.tolist() if data.lead_ids[i] in due]


def rows(lead_ids: Sequence[str], data: Journeys, service: Service, *, hashed: bool) -> list[Answer]:
    """What is given out of these leads."""
    found = _scored(service.store, lead_ids)
    names = service.settings.measurement.audience_traits
    answers = []
    for lead_id in lead_ids:
        known, score = data.traits.get(lead_id, {}), found.get(lead_id, {})
        traits = {name: known.get(name) for name in names}
        answers.append(
            {
                "lead_id": lead_id,
                "traits": {name: _hash(name, value) for name, value in traits.items()} if hashed else traits,
                **{name: text_of(known.get(name)) for name in _TEXTS},
                "value": known.get("value"),
                **{name: score.get(name) for name in _OF_SCORE},
            }
        )
    return answers


def table(found: Sequence[Answer], traits: Sequence[str]) -> tuple[list[str], list[Answer]]:
    """Columns and rows for a file: each trait is a column; of two of one name the lead's own field stays."""
    own = ("lead_id", *_TEXTS, "value", *_OF_SCORE)
    columns = ["lead_id", *dict.fromkeys(name for name in traits if name not in own), *own[1:]]
    return columns, [{**{name: _plain(v) for name, v in row["traits"].items()}, **row, "value": _plain(row["value"])}
                     for row in found]  # fmt: skip


def _plain(value: Any) -> Any:
    """Numbers as they are; lists and objects say nothing to a table."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else text_of(value)


def _hash(name: str, value: Any) -> Any:
    """As ad platforms match them: SHA-256 of the text in small letters, of a phone number the digits and a plus."""
    text = text_of(value)
    if name not in _PERSONAL or text is None:
        return value
    text = re.sub(r"[^\d+]", "", text) if name == "phone" else text.lower()
    return hashlib.sha256(text.encode()).hexdigest()


def _opening(store: Store, today: date, until: date) -> set[str] | None:
    """Leads whose date to call on lies after today, until then, and whose window is not open yet."""
    with store.reading() as connection:
        found = score_table.set_in_service(connection)
        if found is None:
            return None
        mine = scores.c.registered == found.registered, scores.c.due > today.isoformat()
        query = sa.select(scores.c.lead_id).where(*mine, scores.c.due <= until.isoformat())
        due = set(connection.execute(query).scalars())
        return due - set(
            connection.execute(sa.select(openings.c.lead_id).where(openings.c.closed_at.is_(None))).scalars()
        )


def _scored(store: Store, lead_ids: Sequence[str]) -> dict[str, Answer]:
    with store.reading() as connection:
        found = score_table.set_in_service(connection)
        if found is None:
            return {}
        mine = scores.c.registered == found.registered, scores.c.lead_id.in_(lead_ids)
        rows = connection.execute(sa.select(scores.c.lead_id, scores.c.answer).where(*mine)).all()
    return {lead_id: orjson.loads(answer) for lead_id, answer in rows}
