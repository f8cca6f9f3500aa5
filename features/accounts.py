"""Which account an event counts to, and the events of a lead's colleagues, so that a window over them is two searches.

A lead belongs at a time t to the account (the trait ``account_id``) that its latest identify event visible at t
gives. An event counts to the account that its lead was known to belong to when the event became known. If none was
known then, it counts to the first that became known later, from that moment on. So an event has one account and
one moment ``joined`` = max(known_at, first account known) from which it counts, whatever as_of is asked about.

A colleague's event is in a window W of as_of if it counts to the lead's account, joined <= as_of and
occurred_at > as_of - W. That is the time from joined to max(joined, occurred_at + W): the number of events in it is
that of joined <= as_of less that of ends <= as_of, each a binary search in the sorted times of the account. The
lead's own events are taken off by the kernel, which sees them anyway. Nothing grows with the square of an account.

A fading count of the account is kept up from event to event as they come in: what all of them are worth when the last
one does. At as_of that has faded by the time since then.

Colleagues are the other leads that belonged to the account at any time up to as_of.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from features.compiled import compiled
from features.kernel import (
    DATE_BEFORE,
    DATE_CHANGED,
    DATE_CHANGES,
    DATE_FIRST,
    DATE_FIRST_GIVEN,
    DATE_GIVEN,
    DATE_LAST,
    Accounts,
    Bool8,
    Float64,
    Int32,
    Int64,
    Texts,
)

_NEVER = np.iinfo(np.int64).min


class Streams(NamedTuple):
    """The streams of events that the rows look at, for a catalogue."""

    takes: Bool8  # (streams, kinds of events): which events
    conditions: Int64  # by stream, -1 for none
    windows: Int64  # microseconds
    wanted: Bool8  # (streams, windows): in which windows they are counted
    decay_stream: Int64  # by fading count: of which stream
    decay_factor: Float64  # of the exponent
    date_stream: Int64  # by date: of which stream
    date_reader: Int64


@compiled
def _join(start, known, named, event_account, joined):  # type: ignore[no-untyped-def]
    """Fill by event its account and since when it counts; return the stairs of each lead.

    A stair leads from the last naming of an account down to ever earlier known ones: the account at a time is that
    of the first stair known by then, the last stair is what was known first.
    """
    n_leads = len(start) - 1
    stair_start = np.zeros(n_leads + 1, dtype=np.int64)
    n_named = 0
    for event in range(len(named)):
        n_named += named[event] >= 0
    stair_known = np.empty(n_named, dtype=np.int64)
    stair_account = np.empty(n_named, dtype=np.int32)
    n = 0
    for lead in range(n_leads):
        first = n
        for event in range(start[lead + 1] - 1, start[lead] - 1, -1):
            if named[event] < 0 or (n > first and known[event] >= stair_known[n - 1]):
                continue
            if n > first and stair_account[n - 1] == named[event]:
                stair_known[n - 1] = known[event]
            else:
                stair_known[n], stair_account[n] = known[event], named[event]
                n += 1
        stair_start[lead + 1] = n
        if n == first:
            continue
        for event in range(start[lead], start[lead + 1]):
            low, high = first, n - 1  # the first stair known by then, else the last
            while low < high:
                middle = (low + high) // 2
                if stair_known[middle] <= known[event]:
                    high = middle
                else:
                    low = middle + 1
            event_account[event] = stair_account[low]
            joined[event] = max(known[event], stair_known[n - 1])
    return stair_start, stair_known[:n].copy(), stair_account[:n].copy()


@compiled
def _members(stair_start, stair_known, stair_account, n_accounts):  # type: ignore[no-untyped-def]
    """By account the sorted times since when each of its leads belongs to it."""
    start = np.zeros(n_accounts + 1, dtype=np.int64)
    counts = np.zeros(len(stair_known), dtype=np.bool_)
    for lead in range(len(stair_start) - 1):
        for step in range(stair_start[lead], stair_start[lead + 1]):
            counts[step] = True
            for earlier in range(step + 1, stair_start[lead + 1]):
                if stair_account[earlier] == stair_account[step]:
                    counts[step] = False
                    break
            start[stair_account[step] + 1] += counts[step]
    for account in range(n_accounts):
        start[account + 1] += start[account]
    place = start[:-1].copy()
    since = np.empty(start[-1], dtype=np.int64)
    for step in range(len(stair_known)):
        if counts[step]:
            account = stair_account[step]
            since[place[account]] = stair_known[step]
            place[account] += 1
    for account in range(n_accounts):
        since[start[account] : start[account + 1]].sort()
    return start, since


@compiled
def _near(event_account, member_start, joined):  # type: ignore[no-untyped-def]
    """The events of accounts of several leads, by account in the order they come in, and where each account starts."""
    start = np.zeros(len(member_start), dtype=np.int64)
    for account in event_account:
        if account >= 0 and member_start[account + 1] - member_start[account] > 1:
            start[account + 1] += 1
    for account in range(len(start) - 1):
        start[account + 1] += start[account]
    place = start[:-1].copy()
    events = np.empty(start[-1], dtype=np.int64)
    for event, account in enumerate(event_account):
        if account >= 0 and member_start[account + 1] - member_start[account] > 1:
            events[place[account]] = event
            place[account] += 1
    for account in range(len(start) - 1):
        own = events[start[account] : start[account + 1]]
        if len(own):
            own[:] = own[np.argsort(joined[own], kind="mergesort")]
    return events, start


@compiled
def _of_streams(near, near_start, kind, text, meets, takes, conditions, stream_start):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """The events that each stream takes, one stream after the other; fills where each account starts within its own."""
    sizes = np.zeros(len(takes), dtype=np.int64)
    events = np.empty(len(near), dtype=np.int64)
    n = 0
    for stream in range(len(takes)):
        first, condition = n, conditions[stream]
        for account in range(len(near_start) - 1):
            for i in range(near_start[account], near_start[account + 1]):
                event = near[i]
                if kind[event] >= 0 and takes[stream, kind[event]] and (condition < 0 or meets[condition, text[event]]):
                    if n == len(events):
                        longer = np.empty(2 * n, dtype=np.int64)
                        longer[:n] = events
                        events = longer
                    events[n] = event
                    n += 1
            stream_start[stream, account + 1] = n - first
        sizes[stream] = n - first
    return events[:n], sizes


@compiled
def _fill_series(events, start, joined, occurred, lead_of, windows, wanted, bases, series, best):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Fill by account the sorted times at which events come in, and go out of each wanted window; the latest so far."""
    for account in range(len(start) - 1):
        low, high = start[account], start[account + 1]
        latest, leader, second = _NEVER, np.int64(-1), _NEVER
        for i in range(low, high):
            event = events[i]
            at, lead = occurred[event], lead_of[event]
            if lead == leader:
                latest = max(latest, at)
            elif at > latest:
                second, latest, leader = latest, at, lead
            else:
                second = max(second, at)
            come = bases[0] + i
            series[come] = joined[event]
            best[0, come], best[1, come], best[2, come] = latest, leader, second
        for window in range(len(windows)):
            if wanted[window] and high > low:
                for i in range(low, high):
                    series[bases[window + 1] + i] = max(joined[events[i]], occurred[events[i]] + windows[window])
                series[bases[window + 1] + low : bases[window + 1] + high].sort()


@compiled
def _fill_decays(events, start, joined, occurred, factor, base, decays):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Fill by account what the events so far, which are in the order they come in, are worth at each coming in."""
    for account in range(len(start) - 1):
        worth, before = 0.0, np.int64(0)
        for i in range(start[account], start[account + 1]):
            came = joined[events[i]]
            if worth > 0.0:
                worth *= math.exp(-((came - before) * factor))
            worth += math.exp(-((came - occurred[events[i]]) * factor))
            before = came
            decays[base + i] = worth


@compiled
def _fill_dates(events, start, given, text, occurred, base, dates):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Fill by account what is remembered of the dates given in the events so far, in the order they come in."""
    for account in range(len(start) - 1):
        for i in range(start[account], start[account + 1]):
            here, date, at = base + i, given[text[events[i]]], occurred[events[i]]
            if i > start[account]:
                dates[:, here] = dates[:, here - 1]
            if date == _NEVER:
                continue
            if dates[DATE_LAST, here] == _NEVER:
                dates[DATE_FIRST, here], dates[DATE_FIRST_GIVEN, here] = date, at
                dates[DATE_CHANGED, here] = at
            elif date != dates[DATE_LAST, here]:
                dates[DATE_CHANGES, here] += 1
                dates[DATE_BEFORE, here], dates[DATE_CHANGED, here] = dates[DATE_LAST, here], at
            dates[DATE_LAST, here], dates[DATE_GIVEN, here] = date, at


@compiled
def _fill_all(events, firsts, joined, occurred, lead_of, text, date, streams, into):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Fill what is kept up by stream in the accounts ``into``, from the events of the streams one after the other."""
    for i in range(len(into.series_base)):
        own, start, bases = events[firsts[i] : firsts[i + 1]], into.stream_start[i], into.series_base[i]
        wanted, windows = streams.wanted[i], streams.windows
        _fill_series(own, start, joined, occurred, lead_of, windows, wanted, bases, into.series, into.best)
        for decay in range(len(streams.decay_stream)):
            if streams.decay_stream[decay] == i:
                base = into.decay_base[decay] + firsts[i]
                _fill_decays(own, start, joined, occurred, streams.decay_factor[decay], base, into.decays)
        for reader in range(len(streams.date_stream)):
            if streams.date_stream[reader] == i:
                given, base = date[streams.date_reader[reader]], into.date_base[reader] + firsts[i]
                _fill_dates(own, start, given, text, occurred, base, into.dates)


def index_accounts(
    *,
    start: Int64,
    occurred: Int64,
    known: Int64,
    lead_of: Int64,
    named: Int32,
    n_accounts: int,
    kind: Int32,
    text: Int32,
    texts: Texts,
    streams: Streams,
) -> tuple[Accounts, Int32]:
    """The index of colleagues' events, and by event the account it counts to (-1 for none).

    ``named``: by event, the account that it gives its lead, -1 for none. ``kind``, ``text``, ``texts``: as in Events.
    """
    n, lines, n_streams = len(occurred), 1 + len(streams.windows), len(streams.takes)
    event_account = np.full(n, -1, dtype=np.int32)
    joined = np.zeros(n, dtype=np.int64)
    stair_start, stair_known, stair_account = _join(start, known, named, event_account, joined)
    member_start, member_since = _members(stair_start, stair_known, stair_account, n_accounts)
    stream_start = np.zeros((n_streams, n_accounts + 1), dtype=np.int64)
    near, near_start = _near(event_account, member_start, joined)
    events, sizes = _of_streams(
        near, near_start, kind, text, texts.meets, streams.takes, streams.conditions, stream_start
    )
    firsts = np.concatenate(([0], np.cumsum(sizes)))
    # the times at which events come in of all streams first, so that they share their places with ``best``
    bases = firsts[:-1, None] + firsts[-1] * np.arange(lines)
    series = np.empty(lines * int(firsts[-1]), dtype=np.int64)
    best = np.empty((3, int(firsts[-1])), dtype=np.int64)
    decay_firsts = np.concatenate(([0], np.cumsum(sizes[streams.decay_stream])))
    decay_base = decay_firsts[:-1] - firsts[streams.decay_stream]
    worth = np.empty(int(decay_firsts[-1]))
    date_firsts = np.concatenate(([1], 1 + np.cumsum(sizes[streams.date_stream])))
    date_base = date_firsts[:-1] - firsts[streams.date_stream]
    remembered = np.full((7, int(date_firsts[-1])), _NEVER, dtype=np.int64)  # the first is for where there is none
    remembered[DATE_CHANGES] = 0
    accounts = Accounts(
        stair_start=stair_start,
        stair_known=stair_known,
        stair_account=stair_account,
        member_start=member_start,
        member_since=member_since,
        stream_start=stream_start,
        series=series,
        series_base=bases,
        best=best,
        decay_factor=streams.decay_factor,
        decay_base=decay_base,
        decays=worth,
        date_base=date_base,
        dates=remembered,
    )
    if len(events):
        _fill_all(events, firsts, joined, occurred, lead_of, text, texts.date, streams, accounts)
    return accounts, event_account


def no_accounts(n_leads: int, n_events: int, n_streams: int, n_lines: int) -> tuple[Accounts, Int32]:
    """The index where no lead has an account."""
    none64, none32 = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    accounts = Accounts(
        stair_start=np.zeros(n_leads + 1, dtype=np.int64),
        stair_known=none64,
        stair_account=none32,
        member_start=np.zeros(1, dtype=np.int64),
        member_since=none64,
        stream_start=np.zeros((n_streams, 1), dtype=np.int64),
        series=none64,
        series_base=np.zeros((n_streams, n_lines), dtype=np.int64),
        best=np.empty((3, 0), dtype=np.int64),
        decay_factor=np.empty(0),
        decay_base=none64,
        decays=np.empty(0),
        date_base=none64,
        dates=np.empty((7, 0), dtype=np.int64),
    )
    return accounts, np.full(n_events, -1, dtype=np.int32)
