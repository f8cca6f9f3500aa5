"""How a lead came here: touches by channel and campaign, visits by week, and the latest events in plain words."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from features.events import SALES_CALL, SECOND, to_datetime, to_iso
from features.property_values import number_of
from serving.dossier.known import Answer, Known, Seen, shortened
from serving.dossier.words import in_words

EVENTS, WEEKS, TOUCHES, CALLS = 50, 26, 20, 20  # rows at most


def journey(known: Known) -> Answer:
    """Touches are what the lead itself did; those of one channel and campaign within half an hour or so are a visit."""
    touches = [event for event in known.events if event.engages(known.roles)]
    visits = _visits(touches, known.settings.measurement.visit_minutes)
    return {
        "touches": _by_channel(touches, visits),
        "first_touch": _touch(touches[0]) if touches else None,
        "last_touch": _touch(touches[-1]) if touches else None,
        "visits": len(visits),
        "weeks": _weeks(visits, known.as_of),
        "events": [
            {
                "at": to_iso(event.at),
                "type": event.type,
                "text": in_words(event, known.roles),
                "channel": event.channel,
                "campaign": event.campaign,
            }
            for event in known.events[: -EVENTS - 1 : -1]
        ],
        "n_events": len(known.events),
    }


def calls(known: Known) -> list[Answer]:
    """The sales calls so far, the latest first."""
    rows = []
    for event in [event for event in reversed(known.events) if event.type == SALES_CALL][:CALLS]:
        note = event.text("note")
        rows.append(
            {
                "at": to_iso(event.at),
                "disposition": event.text("disposition"),
                "minutes": number_of(event.properties.get("minutes")),
                "owner": event.text("owner"),
                "note": None if note is None else shortened(note),
            }
        )
    return rows


def _visits(touches: list[Seen], minutes: float) -> list[Seen]:
    """The first touch of each visit."""
    found: list[Seen] = []
    before: Seen | None = None
    for touch in touches:
        same = before is not None and (before.channel, before.campaign) == (touch.channel, touch.campaign)
        if before is None or not same or touch.at - before.at > minutes * 60 * SECOND:
            found.append(touch)
        before = touch
    return found


def _by_channel(touches: list[Seen], visits: list[Seen]) -> list[Answer]:
    """The channel and campaign with most visits first."""
    n = Counter((visit.channel, visit.campaign) for visit in visits)
    times: dict[tuple[str | None, str | None], list[int]] = {}
    for touch in touches:
        times.setdefault((touch.channel, touch.campaign), []).append(touch.at)
    ranked = sorted(times, key=lambda pair: (-n[pair], -times[pair][-1], pair[0] or "", pair[1] or ""))
    return [
        {
            "channel": channel,
            "campaign": campaign,
            "visits": n[channel, campaign],
            "first": to_iso(times[channel, campaign][0]),
            "last": to_iso(times[channel, campaign][-1]),
        }
        for channel, campaign in ranked[:TOUCHES]
    ]


def _weeks(visits: list[Seen], as_of: int) -> list[Answer]:
    """Visits in each week (UTC, from Monday on) since the first one, the latest 26 weeks; weeks without are there."""
    if not visits:
        return []
    n = Counter(_monday(visit.at) for visit in visits)
    last = _monday(as_of)
    week = max(min(n), last - timedelta(weeks=WEEKS - 1))
    found = []
    while week <= last:
        found.append({"week": week.isoformat(), "visits": n[week]})
        week += timedelta(weeks=1)
    return found


def _monday(micros: int) -> date:
    day = to_datetime(micros).date()
    return day - timedelta(days=day.weekday())


def _touch(event: Seen) -> Answer:
    return {"at": to_iso(event.at), "channel": event.channel, "campaign": event.campaign}
