"""The contract of marketing and sales: so many qualified leads a week, and a reaction within so many hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from features.events import DAY, EARLIEST
from features.handoff_answers import UNQUALIFIED
from features.lives import BOUGHT, OPEN
from model.measurement.answers import UNTOLD
from model.measurement.hours import CLOCK, NEVER, Hours, Int64
from model.measurement.incidence import incidence, share_within
from model.measurement.journeys import Bool, Float, Journeys
from model.measurement.period import Period
from model.measurement.salespeople import FEW
from model.metrics.bootstrap import Estimate, bootstrap_means

HOUR = DAY // 24
DRAWS = 200
# What came of a handoff. Late and overdue are breaches; withdrawn: the window closed by itself while there was time.
IN_TIME, LATE, OVERDUE, WAITING, WITHDRAWN = "in_time", "late", "overdue", "waiting", "withdrawn"
_EPOCH = date(1970, 1, 1)
_TO_MONDAY = 3  # 1970 began on a Thursday


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was agreed. ``qualified_per_week``: None for no commitment of marketing. ``hours``: those that count.

    ``people``: those of salespeople who work at other hours.
    """

    qualified_per_week: int | None = None
    reaction_hours: float = 24.0
    hours: Hours = CLOCK
    people: Mapping[str, Hours] = field(default_factory=dict)

    def by_owner(self, owners: Sequence[str | None]) -> list[tuple[Hours, npt.NDArray[np.intp]]]:
        """Hours, and the places among ``owners`` of those for whom they count."""
        who = np.array([owner if owner in self.people else "" for owner in owners], dtype=object)
        return [(self.people.get(name, self.hours), np.flatnonzero(who == name)) for name in set(who.tolist())]


@dataclass(frozen=True)
class Week:
    """Leads handed over in a week (UTC), each once. ``monday``: its first day.

    ``rejected``: all their handoffs of the week were sent back as unqualified. ``shortfall``: None without a commitment
    and for a week of which the period holds only a part.
    """

    monday: date
    handed_over: int
    rejected: int
    qualified: int
    shortfall: int | None


@dataclass(frozen=True)
class Handled:
    """One handoff that somebody was told of, and the first reaction to it. Times in microseconds since 1970 UTC.

    ``reaction``: accepted, rejected, sales_call, purchased or lost. ``due_at``: from when on it is a breach, None where
    that is not known yet. ``hours``: that count, to the reaction, else until now.
    """

    lead_id: str
    owner: str | None
    handed_over_at: int
    due_at: int | None
    reacted_at: int | None
    reaction: str | None
    hours: float
    state: str


@dataclass(frozen=True)
class Kept:
    """How one salesperson kept the commitment. ``share``: in time, of those that are decided: in time, late, overdue.

    ``hours``: median to the first reaction with its interval, waiting ones counted as waiting; None while most wait.
    """

    owner: str | None
    handed_over: int
    in_time: int
    late: int
    overdue: int
    waiting: int
    withdrawn: int
    accepted: int
    rejected: int
    share: Estimate | None
    hours: tuple[float, float | None, float | None] | None


@dataclass(frozen=True)
class Contract:
    """``team``: all together; ``people``: each salesperson, None for handoffs of nobody known."""

    weeks: list[Week]
    handoffs: list[Handled]
    team: Kept
    people: list[Kept]


def contract(data: Journeys, period: Period, terms: Terms, closed: Mapping[tuple[str, int], int]) -> Contract:
    """Of the handoffs of the period. ``closed``: when windows closed by themselves, by lead and time of the handoff."""
    rows = np.flatnonzero(period.holds(data.handoffs.at) & ~data.handoffs.held_out)
    said = _answers(data)
    handled = _handled(data, rows, terms, said, closed)
    account = data.account[data.handoffs.lead[rows]]
    owners = np.array([one.owner or "" for one in handled], dtype=object)
    answers = [said.get(int(row)) for row in rows]
    followed = np.zeros(len(rows))
    for hours, mine in terms.by_owner([one.owner for one in handled]):
        followed[mine] = hours.between(data.handoffs.at[rows[mine]], data.known_by) / HOUR

    def kept(owner: str | None, mine: Bool) -> Kept:
        of = np.flatnonzero(mine)
        return _kept(owner, [handled[i] for i in of], [answers[i] for i in of], account[of], followed[of])

    names = sorted({one.owner or "" for one in handled})
    return Contract(
        weeks=_weeks(data, period, rows, said, terms.qualified_per_week),
        handoffs=handled,
        team=kept(None, np.ones(len(handled), dtype=bool)),
        people=[kept(name or None, np.asarray(owners == name, dtype=bool)) for name in names],
    )


_Answer = tuple[int, bool, str | None]  # when, whether it is a rejection, and why


def _answers(data: Journeys) -> dict[int, _Answer]:
    """The first answer to each handoff, by its row. One that names no handoff is about the newest before it."""
    handoffs, answers = data.handoffs, data.answers
    place = {key: row for row, key in enumerate(zip(handoffs.lead.tolist(), handoffs.at.tolist(), strict=True))}
    found: dict[int, _Answer] = {}
    for i, (lead, at, handed_at) in enumerate(
        zip(answers.lead.tolist(), answers.at.tolist(), answers.handed_at.tolist(), strict=True)
    ):
        row = place.get((lead, handed_at))
        if handed_at == UNTOLD:
            begin, end = np.searchsorted(handoffs.lead, [lead, lead + 1]).tolist()
            earlier = int(np.searchsorted(handoffs.at[begin:end], at, side="right"))
            row = begin + earlier - 1 if earlier else None
        if row is not None and row not in found:
            found[row] = at, bool(answers.rejected[i]), answers.reason[i]
    return found


def _handled(
    data: Journeys,
    rows: npt.NDArray[np.intp],
    terms: Terms,
    said: Mapping[int, _Answer],
    closed: Mapping[tuple[str, int], int],
) -> list[Handled]:
    lead, at = data.handoffs.lead[rows].tolist(), data.handoffs.at[rows]
    owners = [data.handoffs.owner[row] for row in rows]
    first = [min(_reactions(data, row, said), default=(None, None)) for row in rows.tolist()]
    until = np.array([data.known_by if moment is None else moment for moment, _ in first], dtype=np.int64)
    due_at, worked = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
    for hours, mine in terms.by_owner(owners):
        due_at[mine] = hours.last_moment(at[mine], int(terms.reaction_hours * HOUR))
        worked[mine] = hours.between(at[mine], until[mine]) / HOUR
    due = due_at.tolist()
    return [
        Handled(
            lead_id=data.lead_ids[lead[i]],
            owner=owners[i],
            handed_over_at=handed_at,
            due_at=None if due[i] == NEVER else due[i],
            reacted_at=first[i][0],
            reaction=first[i][1],
            hours=float(worked[i]),
            state=_state(due[i], first[i][0], closed.get((data.lead_ids[lead[i]], handed_at), NEVER), data.known_by),
        )
        for i, (row, handed_at) in enumerate(zip(rows.tolist(), at.tolist(), strict=True))
    ]


def _state(due_at: int, reacted_at: int | None, closed_at: int, known_by: int) -> str:
    if reacted_at is not None and reacted_at <= due_at:
        return IN_TIME
    if closed_at <= min(due_at, known_by if reacted_at is None else reacted_at):
        return WITHDRAWN
    if reacted_at is not None:
        return LATE
    return OVERDUE if due_at < known_by else WAITING


def _reactions(data: Journeys, row: int, said: Mapping[int, _Answer]) -> list[tuple[int, str]]:
    """Each kind of reaction to a handoff, with when it first came; what is said of a later one counts too."""
    lead, at = int(data.handoffs.lead[row]), int(data.handoffs.at[row])
    end_of_lead = int(np.searchsorted(data.handoffs.lead, lead, side="right"))
    found = [
        (moment, "rejected" if is_rejection else "accepted")
        for moment, is_rejection, _ in (said[later] for later in range(row, end_of_lead) if later in said)
        if moment >= at
    ]
    begin, end = np.searchsorted(data.calls.lead, [lead, lead + 1]).tolist()
    call = begin + int(np.searchsorted(data.calls.at[begin:end], at))
    if call < end:
        found.append((int(data.calls.at[call]), "sales_call"))
    if data.outcome[lead] != OPEN:
        found.append((int(data.ended_at[lead]), "purchased" if data.outcome[lead] == BOUGHT else "lost"))
    return found


def _kept(
    owner: str | None, handled: list[Handled], answers: list[_Answer | None], account: Int64, followed: Float
) -> Kept:
    state = np.array([one.state for one in handled], dtype=object)
    count = {name: int((state == name).sum()) for name in (IN_TIME, LATE, OVERDUE, WAITING, WITHDRAWN)}
    decided = np.asarray((state == IN_TIME) | (state == LATE) | (state == OVERDUE), dtype=bool)
    return Kept(
        owner=owner,
        handed_over=len(handled),
        **count,
        accepted=sum(answer is not None and not answer[1] for answer in answers),
        rejected=sum(answer is not None and answer[1] for answer in answers),
        share=_share(np.asarray(state[decided] == IN_TIME, dtype=np.float64), account[decided]),
        hours=_median(handled, account, followed),
    )


def _share(in_time: Float, account: Int64) -> Estimate | None:
    if not len(in_time):
        return None
    draws = bootstrap_means(in_time[:, None], account, draws=DRAWS)[:, 0]
    return share_within(float(in_time.mean()), draws, len(np.unique(account)))


def _median(handled: list[Handled], account: Int64, followed: Float) -> tuple[float, float | None, float | None] | None:
    """A handoff without a reaction waits for as long as it has been there."""
    if not handled:
        return None
    reacted = np.array([one.reacted_at is not None for one in handled])
    found = incidence(
        [one.hours for one in handled], reacted.astype(int), account, causes=1, followed=followed, draws=DRAWS
    )
    median = found.reaches(0.5)
    if median is None:
        return None
    middle, low, high = median
    if found.groups < FEW:
        return middle, None, None
    return middle, low, high if np.isfinite(high) else None


def _weeks(
    data: Journeys, period: Period, rows: npt.NDArray[np.intp], said: Mapping[int, _Answer], promised: int | None
) -> list[Week]:
    """Every week from the beginning of the period, else from the first handoff, also those with none.

    None before anything was known of anybody.
    """
    start = data.handoffs.at if period.since <= EARLIEST else data.first_at
    if not len(start):
        return []
    begin = max(period.since, int(start.min()))
    end = min(period.until, data.known_by + 1)
    if begin >= end:
        return []
    of_week: dict[int, tuple[set[int], set[int]]] = {}
    for row in rows.tolist():
        handed, qualified = of_week.setdefault(_week(int(data.handoffs.at[row])), (set(), set()))
        lead = int(data.handoffs.lead[row])
        handed.add(lead)
        answer = said.get(row)
        if answer is None or not answer[1] or answer[2] not in UNQUALIFIED:
            qualified.add(lead)
    found = []
    for week in range(_week(begin), _week(end - 1) + 1):
        handed, qualified = of_week.get(week, (set(), set()))
        first_day = 7 * week - _TO_MONDAY
        whole = begin <= first_day * DAY and (first_day + 7) * DAY <= end
        found.append(
            Week(
                monday=_EPOCH + timedelta(days=first_day),
                handed_over=len(handed),
                rejected=len(handed - qualified),
                qualified=len(qualified),
                shortfall=max(promised - len(qualified), 0) if promised is not None and whole else None,
            )
        )
    return found


def _week(at: int) -> int:
    return (at // DAY + _TO_MONDAY) // 7
