"""Journeys as interchange tables. Nothing latent gets in: what is written is what a CRM and a tracker would see.

Beside the signals: bots (mail scanners and crawlers, marked as such), rows delivered twice under one event id, and
events that are recorded hours or days after they happened. Nothing is written that happened, or was recorded,
at or after the end of the span.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.events import DAY, SECOND
from features.sources.simulator.journeys import Journeys
from features.sources.simulator.kernel import NO_NEED_DATE, ON_TIME
from features.sources.simulator.market import SIGNALS, SOURCES, TRIAL
from features.sources.simulator.rows import (
    CHANNELS,
    NOTHING,
    TYPES,
    Chances,
    Names,
    Rows,
    moment,
    names_of,
    serials,
    to_arrow,
)

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCANNED, CRAWLED, TWICE, LATE, LATE_CALL = 0.05, 0.03, 0.01, 0.04, 0.10  # shares of rows
LATE_DAYS, LATE_CALL_DAYS = 0.75, 2.0  # mean delays


def events_of(journeys: Journeys, seed: int) -> pa.Table:
    """The interchange table ``events`` of these journeys, ordered by lead and time."""
    people, span = journeys.people, journeys.span
    names = names_of(span)
    chance = Chances(seed, people.numbers)
    rows = Rows.concat(
        [
            _entries(journeys, names, chance),
            _engagement(journeys, names, chance),
            _calls(journeys, chance),
            _deadlines(journeys, chance),
        ]
    )
    ended = np.where(journeys.ends[:, 0] == 0, span.end_micros, moment(span, journeys.ends[:, 1], journeys.share))
    rows = rows.take(rows.at < ended[rows.lead])
    rows = rows.take(np.lexsort((rows.type, rows.at, rows.lead)))
    serial = serials(rows.lead)
    rows = _late(rows, serial, chance)
    twice = chance(rows.lead, serial, 1) < TWICE
    order = np.repeat(np.arange(len(rows)), 1 + twice)
    order = order[rows.recorded[order] < span.end_micros]
    return to_arrow(rows.take(order), serial[order], people.numbers, names)


def _entries(journeys: Journeys, names: Names, chance: Chances) -> Rows:
    """How the lead came in: the touch by which it became known, with its source and campaign."""
    people, span = journeys.people, journeys.span
    lead = np.arange(len(people))
    kinds = {"webinar": "webinar_registered", "outbound": "mail_sent"}
    contents = {"event": 1, "partner": 2, "referral": 2, "outbound": 3, "webinar": NOTHING}
    half = (chance(lead, lead * 0, 2) < 0.4).astype(np.int64)
    return Rows.of(
        lead,
        moment(span, people.created, people.created_at),
        np.array([TYPES.index(kinds.get(s.name, "form_submitted")) for s in SOURCES])[people.source],
        channel=people.source,  # channels begin with the sources
        campaign=names.campaign(people.source, people.created, half, span),
        content=np.array([contents.get(s.name, 0) for s in SOURCES])[people.source],
    )


def _engagement(journeys: Journeys, names: Names, chance: Chances) -> Rows:
    people, span = journeys.people, journeys.span
    lead, day, kind = journeys.signals.T
    serial = serials(lead)
    sent = np.array([signal.types[0] == "mail_sent" for signal in SIGNALS])[kind]
    # the visits of one day come in one sitting; mails go out in the morning
    sitting = chance(lead, 30_000 + day, 3)
    share = np.where(sent, 0.24 + 0.08 * chance(lead, serial, 4), 0.28 + 0.5 * sitting + 0.03 * chance(lead, serial, 4))
    variants = np.array([signal.variants for signal in SIGNALS])[kind]
    variant = np.where(variants == 0, day // 7, (chance(lead, serial, 5) * variants).astype(np.int64))
    content = np.array(names.content_of)[kind] + variant
    channel = _channel(people.source[lead], kind, chance(lead, serial, 6))
    change = journeys.change
    if change is not None and change.gone is not None:
        channel = np.where(
            (channel == CHANNELS.index(change.gone)) & (day >= change.day), CHANNELS.index("website"), channel
        )
    newsletter = np.where(sent, names.newsletter(day, span), NOTHING)
    at = moment(span, day, share)
    parts: list[Rows] = []
    for step in range(3):  # what a signal is written as: one row, or a mail sent and its reactions
        has = np.array([len(signal.types) > step for signal in SIGNALS])[kind]
        types = np.array([TYPES.index(s.types[step]) if len(s.types) > step else 0 for s in SIGNALS])[kind]
        if step:  # a reaction comes later the same day
            slow = -np.log1p(-chance(lead, serial, 6 + step)) * (0.12 if step == 1 else 0.002)
            at = np.minimum(at + 20 * SECOND + (slow * 86_400).astype(np.int64) * SECOND, moment(span, day, 0.99))
            at += step * SECOND
        parts.append(
            Rows.of(lead, at, types, channel=channel, campaign=newsletter, content=content).take(np.flatnonzero(has))
        )
    trial = np.flatnonzero(kind == TRIAL)
    first = trial[np.unique(lead[trial], return_index=True)[1]]
    parts.append(Rows.of(lead[first], moment(span, day[first], share[first]), "trial_started", channel=channel[first]))
    return Rows.concat([*parts, *_bots(parts[0], serial, chance)])


def _channel(source: Ints, kind: Ints, u: Float) -> Ints:
    """Visits come directly, by the website's search or by advertisements; the rest has its one channel."""
    fixed = {"mail_sent": "email", "webinar_registered": "webinar", "trial_used": "product"}
    of_kind = np.array([CHANNELS.index(fixed.get(signal.types[0], "direct")) for signal in SIGNALS])[kind]
    by_source = np.where(u < 0.7, CHANNELS.index("website"), source)
    return np.where((of_kind == CHANNELS.index("direct")) & (u > 0.45), by_source, of_kind)


def _bots(first: Rows, serial: Ints, chance: Chances) -> list[Rows]:
    """Scanners open and click a mail seconds after it was sent; crawlers fetch pages."""
    u = chance(first.lead, serial, 10)
    mail = first.type == TYPES.index("mail_sent")
    scanned = first.take(mail & (u < SCANNED))
    crawled = first.take((first.type == TYPES.index("page_view")) & (u < CRAWLED))
    bots = []
    for rows, kind, delay in ((scanned, "mail_opened", 3), (scanned, "mail_clicked", 5), (crawled, "page_view", 11)):
        at = rows.at + delay * SECOND
        bots.append(
            Rows.of(rows.lead, at, kind, channel=rows.channel, campaign=rows.campaign, content=rows.content, bot=1)
        )
    return bots


def _calls(journeys: Journeys, chance: Chances) -> Rows:
    """Sales calls; a handoff before the first of a lead; what the deal is worth, learned on the first that succeeds."""
    people, span = journeys.people, journeys.span
    lead, day, disposition = journeys.calls.T
    serial = serials(lead)
    # on the last day a call came before the ending
    last = (journeys.ends[lead, 0] != 0) & (journeys.ends[lead, 1] == day)
    closes = np.where(last, journeys.share[lead], 0.74)
    share = 0.325 + (closes - 0.002 - 0.325) * chance(lead, serial, 20)
    minutes = np.array([8.0, 24.0, 6.0, 5.0, 3.0, 1.0])[disposition]
    minutes = np.round(minutes * np.exp(0.5 * (chance(lead, serial, 21) * 2 - 1)), 1)
    owner = people.owner[lead]
    phone = CHANNELS.index("phone")
    at = moment(span, day, share)
    calls = Rows.of(lead, at, "sales_call", channel=phone, disposition=disposition, minutes=minutes, owner=owner)
    first = np.flatnonzero(serial == 0)
    handed = Rows.of(lead[first], moment(span, day[first], 0.3), "handoff", owner=owner[first])
    won = np.flatnonzero(disposition == ON_TIME)
    won = won[np.unique(lead[won], return_index=True)[1]]
    won = won[~value_known(journeys, chance)[lead[won]]]
    learned = Rows.of(lead[won], at[won] + 60 * SECOND, "identify", value=people.value[lead[won]])
    return Rows.concat([calls, handed, learned])


def value_known(journeys: Journeys, chance: Chances) -> npt.NDArray[np.bool_]:
    """(leads,) whether the deal's value is known from the start."""
    lead = np.arange(len(journeys.people))
    return chance(lead, lead * 0, 22) < 0.45


def first_deadline(journeys: Journeys) -> Ints:
    """(leads,) the day declared when the lead was created, days since 1970; -1 for none."""
    people, span = journeys.people, journeys.span
    declared, deadline = people.declared[people.account], people.deadline[people.account]
    known = (declared != NO_NEED_DATE) & (declared <= people.created[:, None])
    latest = np.maximum(known.sum(axis=1) - 1, 0)
    day = deadline[np.arange(len(people)), latest] + span.start_micros // DAY
    return np.where(known[:, 0], day, NOTHING)


def _deadlines(journeys: Journeys, chance: Chances) -> Rows:
    """Deadlines moved after the lead was created."""
    people, span = journeys.people, journeys.span
    declared, deadline = people.declared[people.account], people.deadline[people.account]
    lead, k = np.nonzero(
        (declared != NO_NEED_DATE) & (declared > people.created[:, None]) & (declared <= journeys.ends[:, 1:2])
    )
    day = declared[lead, k]
    keep = day < span.days
    lead, k, day = lead[keep], k[keep], day[keep]
    return Rows.of(
        lead,
        moment(span, day, 0.32 + 0.01 * chance(lead, 60_000 + k, 23)),
        "need_declared",
        channel=CHANNELS.index("website"),
        need_by=deadline[lead, k] + span.start_micros // DAY,
    )


def _late(rows: Rows, serial: Ints, chance: Chances) -> Rows:
    """Some events are recorded late; attendance of webinars always is, from a list the next morning."""
    u = chance(rows.lead, serial, 30)
    delay = -np.log1p(-chance(rows.lead, serial, 31))
    is_call = rows.type == TYPES.index("sales_call")
    known_at_once = np.isin(rows.type, [TYPES.index(name) for name in ("identify", "need_declared", "handoff")])
    late = (u < np.where(is_call, LATE_CALL, LATE)) & ~known_at_once & (serial > 0)
    days = np.where(late, delay * np.where(is_call, LATE_CALL_DAYS, LATE_DAYS), 0.0)
    recorded = rows.at + (days * 86_400).astype(np.int64) * SECOND
    listed = rows.type == TYPES.index("webinar_attended")
    return replace(rows, recorded=np.where(listed, (rows.at // DAY + 1) * DAY + 6 * 3_600 * SECOND, recorded))
