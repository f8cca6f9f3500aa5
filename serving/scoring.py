"""Scores of stored leads and of posted histories: what the API answers, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from features.errors import UnknownLead
from features.events import Event, to_datetime, to_iso
from features.history import History
from features.lives import BOUGHT, OPEN, UNSEEN, lead_lives, standings, told_something
from features.store import Erasures, Store
from serving import answers
from serving.answers import Standing, curve_answer, scored, unscored
from serving.checks import Faults, faults
from serving.payloads import PostedHistory
from serving.problems import field_errors
from serving.registry import Served

Answer = dict[str, Any]

_NEEDED = ({"what": "events of engagement, sales calls or declared needs", "have": 0, "need": 1},)
ONLY_BOTS = Standing(answers.NOT_SCORABLE, "only traffic of bots is known of this lead", _NEEDED)
NEVER_SEEN = Standing(answers.UNKNOWN, "no event of this lead is known; send its history first", _NEEDED)
ERASED = Standing(answers.ERASED, "this lead was erased on request; nothing of it is kept")
TOO_LITTLE = Standing(
    answers.NOT_SCORABLE,
    "too little data: no engagement, no sales call and no declared need was known at this time",
    _NEEDED,
)
NOT_YET_SEEN = Standing(answers.NOT_SCORABLE, "no event of this lead was known at this time", _NEEDED)


def standing_of_each(history: History, as_of: int) -> list[Standing]:
    """One for each lead of the history, in its order, as known at ``as_of``."""
    everyone, times = np.arange(history.n_leads), np.full(history.n_leads, as_of, dtype=np.int64)
    lives = lead_lives(history, as_of)
    found = []
    told = told_something(history, everyone, times)
    for i, (outcome, ended_at) in enumerate(zip(standings(history, everyone, times), lives.ended_at, strict=True)):
        if outcome == UNSEEN:
            found.append(NOT_YET_SEEN)
        elif outcome == OPEN:
            found.append(Standing(answers.OPEN) if told[i] else TOO_LITTLE)
        else:
            status = answers.PURCHASED if outcome == BOUGHT else answers.LOST
            word = "purchased" if outcome == BOUGHT else "was lost"
            found.append(Standing(status, f"the lead {word} on {to_datetime(int(ended_at)).date().isoformat()}"))
    return found


def score_history(
    history: History, lead_ids: Sequence[str], as_of: int, served: Served, *, curve: bool = False
) -> list[Answer]:
    """One answer for each of ``lead_ids``, all of which are in the history."""
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it

    where = standing_of_each(history, as_of)
    standing = {lead_id: where[history.lead_index[lead_id]] for lead_id in lead_ids}
    wanted = [lead_id for lead_id in standing if standing[lead_id].status == answers.OPEN]
    at = to_iso(as_of)
    found: dict[str, Answer] = {}
    if wanted:
        times = np.full(len(wanted), as_of, dtype=np.int64)
        matrix = build_matrix(history, Requests(wanted, times), served.scorer.catalogue)
        found = {
            row["lead_id"]: scored(row, at)
            for row in records(served.scorer.score_columns(wanted, times, matrix), len(wanted))
        }
        if curve:
            curves = served.scorer.curves(matrix, times)
            for i, lead_id in enumerate(wanted):
                found[lead_id]["curve"] = curve_answer(curves, i)
    horizons = served.scorer.horizons
    return [
        found.get(lead_id) or unscored(lead_id, at, standing[lead_id], horizons, served.version) for lead_id in lead_ids
    ]


def records(columns: Mapping[str, Any], n: int) -> list[dict[str, Any]]:
    """The rows of ``Scorer.score_columns``."""
    lists = [
        values.tolist() if isinstance(values, np.ndarray) else values if isinstance(values, list) else [values] * n
        for values in columns.values()
    ]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def score_stored(store: Store, lead_id: str, as_of: int, served: Served, *, curve: bool = False) -> Answer:
    """UnknownLead when the log holds nothing of it."""
    if "\x00" in lead_id:  # which no text in PostgreSQL can hold
        raise UnknownLead(lead_id)
    answer = score_many_stored(store, [lead_id], as_of, served, curve=curve)[0]
    if answer["status"] == answers.UNKNOWN:
        raise UnknownLead(lead_id)
    return answer


def score_many_stored(
    store: Store, lead_ids: Sequence[str], as_of: int, served: Served, *, curve: bool = False
) -> list[Answer]:
    """In the order asked; unknown leads say so in their status, and what was merged into another lead by then has its
    answer, under the id that was asked about.
    """
    history = store.history(lead_ids, known_by=as_of)
    others = [lead_id for lead_id in lead_ids if lead_id not in history.lead_index]
    leads = {lead_id: lead_id for lead_id in lead_ids} | (store.canonical(others, known_by=as_of) if others else {})
    known = list(dict.fromkeys(lead for lead in leads.values() if lead in history.lead_index))
    found = {answer["lead_id"]: answer for answer in score_history(history, known, as_of, served, curve=curve)}
    merged = {
        lead_id: {**found[lead], "lead_id": lead_id, "merged_into": lead}
        for lead_id, lead in leads.items()
        if lead != lead_id and lead in found
    }
    found |= merged
    missing = [lead_id for lead_id in lead_ids if lead_id not in found]
    if missing:
        later = set(store.lead_facts(missing))
        only_bots = set(store.events(missing)["lead_id"].to_pylist())
        erased = Erasures(store).of(missing)
        for lead_id in missing:
            standing = (
                ERASED if lead_id in erased
                else NOT_YET_SEEN if lead_id in later
                else ONLY_BOTS if lead_id in only_bots
                else NEVER_SEEN
            )  # fmt: skip
            found[lead_id] = unscored(lead_id, to_iso(as_of), standing, served.scorer.horizons, served.version)
    return [found[lead_id] for lead_id in lead_ids]


def score_posted(
    histories: Sequence[PostedHistory], as_of: int, served: Served, *, curve: bool = False
) -> list[Answer]:
    """One answer for each history, in order, each as if it had been posted alone: none sees another's events."""
    events: list[Event] = []
    for i, posted in enumerate(histories):
        account = posted.lead.account_id
        events += posted.to_events(_apart(i), None if account is None else f"{_apart(i)}/{account}")
    history = History.from_events(events)
    # a history of nothing but bots has left no lead behind
    present = [_apart(i) for i in range(len(histories)) if _apart(i) in history.lead_index]
    found = {answer["lead_id"]: answer for answer in score_history(history, present, as_of, served, curve=curve)}
    result = []
    for i, posted in enumerate(histories):
        answer = found.get(_apart(i)) or unscored("", to_iso(as_of), ONLY_BOTS, served.scorer.horizons, served.version)
        result.append({**answer, "lead_id": posted.lead.lead_id})
    return result


def _apart(i: int) -> str:
    return f"{i:06d}"


def score_each(
    posted: Sequence[Mapping[str, Any]], as_of: int, now: int, served: Served, *, curve: bool = False
) -> list[Answer]:
    """As ``score_posted``, of histories not yet validated: what is wrong with one stands in its own answer."""
    found: list[Answer | None] = [None] * len(posted)
    good: list[tuple[int, PostedHistory]] = []
    for i, raw in enumerate(posted):
        try:
            history = PostedHistory.model_validate(raw)
            wrong = faults(history, now)
        except ValidationError as error:
            wrong = field_errors(error)
        if wrong:
            found[i] = _invalid(raw, wrong, to_iso(as_of), served)
        else:
            good.append((i, history))
    if good:
        scores = score_posted([history for _, history in good], as_of, served, curve=curve)
        for (i, _), answer in zip(good, scores, strict=True):
            found[i] = answer
    return [answer for answer in found if answer is not None]


def _invalid(raw: Mapping[str, Any], wrong: Faults, as_of: str, served: Served) -> Answer:
    lead = raw.get("lead")
    lead_id = lead.get("lead_id") if isinstance(lead, Mapping) else None
    message = "; ".join(f"{field}: {'; '.join(texts)}" for field, texts in wrong.items())
    answer = unscored(
        lead_id if isinstance(lead_id, str) else "",
        as_of, Standing(answers.INVALID, message), served.scorer.horizons, served.version,
    )  # fmt: skip
    return {**answer, "error": {"code": "invalid", "message": message, "detail": {"json": wrong}}}
