"""The refreshed scores of all open leads, as they lie in the database.

Those of one model version by the same costs make a set, found by ``Served.key`` in the column ``registered``. The set
in service is the one that became whole last; a new one is gathered beside it, so that no list mixes two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from features.store.work import score_sets, scores
from serving.background import drift

SHOWN_TRAITS = ("owner", "source", "account_id", "value")  # beside a score in the call list
NEVER = "9999"  # stands for no call date: later than any

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """What is known of one set. ``position``: every event of the log at or below it is in the scores."""

    registered: str
    model_version: str
    position: int
    as_of: int
    whole_at: int | None
    reference: str | None = None


def find_set(connection: sa.Connection, registered: str) -> ScoreSet | None:
    row = connection.execute(sa.select(score_sets).where(score_sets.c.registered == registered)).first()
    return None if row is None else ScoreSet(*row)


def set_in_service(connection: sa.Connection) -> ScoreSet | None:
    """The set that the call list is made of; None until the first is whole."""
    newest = sa.select(score_sets).where(score_sets.c.whole_at.is_not(None)).order_by(score_sets.c.whole_at.desc())
    row = connection.execute(newest.limit(1)).first()
    return None if row is None else ScoreSet(*row)


def begin_set(connection: sa.Connection, registered: str, model_version: str, *, position: int, as_of: int) -> None:
    connection.execute(
        score_sets.insert().values(
            registered=registered, model_version=model_version, position=position, as_of=as_of, whole_at=None
        )
    )


def advance_set(connection: sa.Connection, registered: str, *, position: int, as_of: int) -> None:
    """The set holds all that the log held up to ``position`` at the time ``as_of``."""
    change = score_sets.update().where(score_sets.c.registered == registered)
    connection.execute(change.values(position=position, as_of=as_of))


def put_in_service(connection: sa.Connection, registered: str, now: int) -> None:
    """From now on this set answers; all others are gone. One by the same model as before keeps its reference."""
    mine, before = find_set(connection, registered), set_in_service(connection)
    reference = None
    if mine is not None and before is not None and mine.model_version == before.model_version:
        reference = before.reference
    if reference is None:
        found = connection.execute(sa.select(-scores.c.minus_readiness).where(scores.c.registered == registered))
        reference = drift.reference(list(found.scalars()))
    change = score_sets.update().where(score_sets.c.registered == registered)
    connection.execute(change.values(whole_at=now, reference=reference))
    for table in (scores, score_sets):
        connection.execute(table.delete().where(table.c.registered != registered))


def put_scores(connection: sa.Connection, registered: str, answers: Sequence[Answer], *, as_of: int, pos: int) -> None:
    """Store answers about open leads, in place of older ones. ``pos``: of the log that they were computed from."""
    remove_scores(connection, registered, [answer["lead_id"] for answer in answers])
    rows = [
        {
            "registered": registered,
            "lead_id": answer["lead_id"],
            "as_of": as_of,
            "position": pos,
            "model_version": answer["model_version"],
            "owner": answer["owner"],
            "minus_priority": -(answer["priority"] or 0.0),
            "due": answer["call_on"] or NEVER,
            "minus_readiness": -(answer["readiness"] or 0.0),
            "answer": orjson.dumps(answer).decode(),
        }
        for answer in answers
    ]
    if rows:
        connection.execute(scores.insert(), rows)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One score. Every event of the log at or below ``set_position`` is in it."""

    answer: Answer
    as_of: int
    set_position: int


def find_score(connection: sa.Connection, registered: str, lead_id: str) -> Refreshed | None:
    """The score of one open lead, without the traits that the call list shows beside it."""
    columns = scores.c.answer, scores.c.as_of, score_sets.c.position
    mine = scores.c.registered == registered, scores.c.lead_id == lead_id
    both = scores.join(score_sets, scores.c.registered == score_sets.c.registered)
    row = connection.execute(sa.select(*columns).select_from(both).where(*mine)).first()
    if row is None:
        return None
    answer = {name: value for name, value in orjson.loads(row.answer).items() if name not in SHOWN_TRAITS}
    return Refreshed(answer, row.as_of, row.position)


def remove_scores(connection: sa.Connection, registered: str, lead_ids: Sequence[str]) -> None:
    if lead_ids:
        mine = (scores.c.registered == registered, scores.c.lead_id.in_(lead_ids))
        connection.execute(scores.delete().where(*mine))


def scored_leads(connection: sa.Connection, registered: str) -> set[str]:
    return set(connection.execute(sa.select(scores.c.lead_id).where(scores.c.registered == registered)).scalars())


def stale_leads(connection: sa.Connection, registered: str, *, before: int) -> list[str]:
    """The leads of a set whose score is older than that, those to be called soonest first."""
    old = (scores.c.registered == registered, scores.c.as_of < before)
    return list(connection.execute(sa.select(scores.c.lead_id).where(*old).order_by(*_URGENCY)).scalars())


def count(connection: sa.Connection, registered: str, owner: str | None) -> int:
    """How many leads there are, of one salesperson or of all."""
    query = sa.select(sa.func.count()).select_from(scores).where(*_of(registered, owner))
    return connection.execute(query).scalar_one()


def call_dates(connection: sa.Connection, registered: str, owner: str | None) -> dict[str | None, int]:
    """How many leads, of one salesperson or of all, are to be called on each date; None: on none."""
    query = sa.select(scores.c.due, sa.func.count()).where(*_of(registered, owner)).group_by(scores.c.due)
    return {None if due == NEVER else due: leads for due, leads in connection.execute(query).all()}


def most_urgent(connection: sa.Connection, registered: str, owner: str | None, limit: int) -> list[Answer]:
    query = sa.select(scores.c.answer).where(*_of(registered, owner)).order_by(*_URGENCY).limit(limit)
    return [orjson.loads(text) for text in connection.execute(query).scalars()]


def owners(connection: sa.Connection, registered: str) -> list[str]:
    query = sa.select(scores.c.owner).where(scores.c.registered == registered, scores.c.owner.is_not(None)).distinct()
    return sorted(connection.execute(query).scalars())


# As serving.call_list.urgency: priority, the nearer call date, readiness; the id makes the order the same always.
_URGENCY = (scores.c.minus_priority, scores.c.due, scores.c.minus_readiness, scores.c.lead_id)


def _of(registered: str, owner: str | None) -> list[sa.ColumnElement[bool]]:
    mine = [scores.c.registered == registered]
    return mine if owner is None else [*mine, scores.c.owner == owner]
