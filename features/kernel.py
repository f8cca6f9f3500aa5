"""The compiled inner loop: one pass over what is visible of a lead for each row of the feature matrix.

Everything of a row is worked out from that lead's events alone, newest first and one after the other, so that a
row is the same to the bit in a request as among a million. Constants and compiled functions stay in this one file:
numba's cache on disk sees changes of the file of a function only, not of what it calls elsewhere.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.compiled import compiled

DAY = 86_400_000_000
NEVER = np.iinfo(np.int64).min  # no time, no date

# What an event does to the state of a row, one for each class of events and slot of the state.
COUNT, SUM, GIVEN, ACTIVE_DAY, DISTINCT, OWN, MAX, DECAY, TIME, NUMBER, LEVEL, EVENT_LEVEL, DATE = range(13)
N_ACTIONS = 13

# What a column takes from the state.
(
    TAKE_TOTAL,
    TAKE_MEAN,
    TAKE_MAX,
    TAKE_MOMENTUM,
    TAKE_PACE,
    TAKE_SINCE_LAST,
    TAKE_SINCE_FIRST,
    TAKE_DECAY,
    TAKE_NUMBER,
    TAKE_LEVEL,
    TAKE_DATE_AHEAD,
    TAKE_DATE_AGE,
    TAKE_DATE_CHANGES,
    TAKE_DATE_DRIFT,
    TAKE_RATIO,
    TAKE_AGE,
    TAKE_WEEKDAY,
    TAKE_MONTH,
    TAKE_DAY_OF_YEAR,
    TAKE_ACCOUNT_TOTAL,
    TAKE_ACCOUNT_SINCE_LAST,
    TAKE_COLLEAGUES,
) = range(22)

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Float64 = npt.NDArray[np.float64]
Bool8 = npt.NDArray[np.uint8]


class Events(NamedTuple):
    """Columns of the events, ordered by lead and time, and where each lead starts (n_leads + 1)."""

    start: Int64
    occurred: Int64
    recorded: Int64
    kind: Int32  # the class of the event, by its type and channel; -1 for what is never looked at
    text: Int32  # the column of what its properties say, in Texts; 0 for nothing
    account: Int32  # to which account it counts, -1 for none
    local: Int32  # (distinct readers, events): numbers of the values, counted up within each lead, -1 for none
    level: Int32  # (event level readers, events): codes of levels, -1 for none


class Texts(NamedTuple):
    """What the properties say, by reader and text. Text 0 says nothing."""

    meets: Bool8  # whether the conditions are met
    number: Float64  # NaN for none
    level: Int32  # -1 for none
    date: Int64  # NEVER for none


class Accounts(NamedTuple):
    """See features.accounts."""

    stair_start: Int64
    stair_known: Int64
    stair_account: Int32
    member_start: Int64
    member_since: Int64
    stream_start: Int64  # (streams, accounts + 1)
    series: Int64  # all series of sorted times, one after the other
    series_base: Int64  # (streams, 1 + windows): where a series starts
    best: Int64  # (3, events in streams): latest occurred_at so far, its lead, the latest of any other lead


class Program(NamedTuple):
    """The catalogue, compiled (features.plan)."""

    edges: Int64  # the windows, rising, in microseconds; the last bucket, all time, has no edge
    action_start: Int64  # (kinds * N_ACTIONS + 1): the actions of a kind of event, action by action
    slot: Int32
    condition: Int32  # -1 for none
    reader: Int32
    extra: Int32
    factor: Float64
    sizes: Int64  # how many slots: totals, maxima, decays, times, numbers, levels, dates, distinct
    take: Int32  # by column
    a: Int32
    b: Int32
    c: Int32
    unit: Float64


@compiled
def _upper(values, low, high, limit):  # type: ignore[no-untyped-def]
    """The first index in values[low:high], sorted, whose value is greater than the limit."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _year_and_month(day):  # type: ignore[no-untyped-def]
    """The month, and the day of the year, of days since 1970. Howard Hinnant, chrono-compatible date algorithms."""
    z = day + 719_468
    era = z // 146_097
    of_era = z - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)  # from 1 March
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year += era * 400 + (1 if month <= 2 else 0)
    leap = 1 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 0
    return month, of_year - 305 if month <= 2 else of_year + 60 + leap


@compiled
def _change(now, before):  # type: ignore[no-untyped-def]
    return (now - before) / (now + before) if now + before > 0 else math.nan


@compiled
def _account_of(accounts, lead, as_of):  # type: ignore[no-untyped-def]
    """The account the lead is known to belong to, -1 for none. A stair leads down from the latest to the earliest."""
    for step in range(accounts.stair_start[lead], accounts.stair_start[lead + 1]):
        if accounts.stair_known[step] <= as_of:
            return accounts.stair_account[step]
    return np.int32(-1)


@compiled
def _account_total(accounts, account, as_of, line, own):  # type: ignore[no-untyped-def]
    """How many events of colleagues are in a window: those that came in by now, less those that went out again."""
    if account < 0 or accounts.member_start[account + 1] - accounts.member_start[account] < 2:
        return 0.0
    lines = accounts.series_base.shape[1]
    stream, series = line // lines, line % lines
    low, high = accounts.stream_start[stream, account], accounts.stream_start[stream, account + 1]
    base = accounts.series_base[stream, 0]
    total = _upper(accounts.series, base + low, base + high, as_of) - base - low
    if series > 0:
        base = accounts.series_base[stream, series]
        total -= _upper(accounts.series, base + low, base + high, as_of) - base - low
    return total - own


@compiled
def _account_latest(accounts, account, as_of, line, lead):  # type: ignore[no-untyped-def]
    """When an event of a colleague last occurred, NEVER if none did."""
    if account < 0 or accounts.member_start[account + 1] - accounts.member_start[account] < 2:
        return NEVER
    stream = line // accounts.series_base.shape[1]
    base = accounts.series_base[stream, 0]
    low = base + accounts.stream_start[stream, account]
    last = _upper(accounts.series, low, base + accounts.stream_start[stream, account + 1], as_of) - 1
    if last < low:
        return NEVER
    return accounts.best[0, last] if accounts.best[1, last] != lead else accounts.best[2, last]


@compiled
def fill_rows(out, low, high, leads, as_ofs, events, texts, accounts, program, n_local):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0915, PLR0917
    """Fill rows low:high of ``out`` (n, p) for these leads (-1: nothing known) and as-of times.

    ``n_local``: how many different values a lead has at most, over the distinct readers.
    """
    start, occurred, recorded, kinds, text_of = events.start, events.occurred, events.recorded, events.kind, events.text
    event_account, local, event_level = events.account, events.local, events.level
    meets, number, level, date = texts.meets, texts.number, texts.level, texts.date
    edges, action_start, slots, conditions = program.edges, program.action_start, program.slot, program.condition
    readers, extras, factors = program.reader, program.extra, program.factor
    take, first, second, third, units = program.take, program.a, program.b, program.c, program.unit
    sizes = program.sizes

    n_buckets = len(edges) + 1
    totals = np.zeros((n_buckets, sizes[0]))
    last_day = np.empty(sizes[0], dtype=np.int64)
    maxima = np.empty((n_buckets, sizes[1]))
    decays = np.empty(sizes[2])
    latest, earliest = np.empty(sizes[3], dtype=np.int64), np.empty(sizes[3], dtype=np.int64)
    numbers = np.empty(sizes[4])
    levels = np.empty(sizes[5], dtype=np.int64)
    last_date, last_given = np.empty(sizes[6], dtype=np.int64), np.empty(sizes[6], dtype=np.int64)
    next_date, n_changes = np.empty(sizes[6], dtype=np.int64), np.empty(sizes[6], dtype=np.int64)
    met = np.full((sizes[7], n_local), -1, dtype=np.int64)  # in which row a value was last met

    for row in range(low, high):
        lead, as_of = leads[row], as_ofs[row]
        totals[:] = 0.0
        last_day[:] = NEVER
        maxima[:] = -math.inf
        decays[:] = 0.0
        latest[:] = NEVER
        earliest[:] = NEVER
        numbers[:] = math.nan
        levels[:] = -1
        last_date[:] = NEVER
        n_changes[:] = 0
        entered = NEVER
        account = np.int32(-1)
        if lead >= 0:
            account = _account_of(accounts, lead, as_of)
            begin = start[lead]
            bucket = 0
            for event in range(_upper(occurred, begin, start[lead + 1], as_of) - 1, begin - 1, -1):
                kind = kinds[event]
                if kind < 0 or recorded[event] > as_of:
                    continue
                entered = occurred[event]
                age = as_of - entered
                while bucket < n_buckets - 1 and age >= edges[bucket]:
                    bucket += 1
                text = text_of[event]
                actions = kind * N_ACTIONS
                for at in range(action_start[actions + COUNT], action_start[actions + COUNT + 1]):
                    if conditions[at] < 0 or meets[conditions[at], text]:
                        totals[bucket, slots[at]] += 1.0
                for at in range(action_start[actions + SUM], action_start[actions + SUM + 1]):
                    value = number[readers[at], text]
                    if value == value and (conditions[at] < 0 or meets[conditions[at], text]):  # noqa: PLR0124 - not NaN
                        totals[bucket, slots[at]] += value
                for at in range(action_start[actions + GIVEN], action_start[actions + GIVEN + 1]):
                    value = number[readers[at], text]
                    if value == value and (conditions[at] < 0 or meets[conditions[at], text]):  # noqa: PLR0124
                        totals[bucket, slots[at]] += 1.0
                for at in range(action_start[actions + ACTIVE_DAY], action_start[actions + ACTIVE_DAY + 1]):
                    day = entered // DAY
                    slot = slots[at]
                    if last_day[slot] != day and (conditions[at] < 0 or meets[conditions[at], text]):
                        last_day[slot] = day
                        totals[bucket, slot] += 1.0
                for at in range(action_start[actions + DISTINCT], action_start[actions + DISTINCT + 1]):
                    value_code = local[readers[at], event]
                    new = value_code >= 0 and met[extras[at], value_code] != row
                    if new and (conditions[at] < 0 or meets[conditions[at], text]):
                        met[extras[at], value_code] = row
                        totals[bucket, slots[at]] += 1.0
                for at in range(action_start[actions + OWN], action_start[actions + OWN + 1]):
                    if event_account[event] == account and (conditions[at] < 0 or meets[conditions[at], text]):
                        totals[bucket, slots[at]] += 1.0
                for at in range(action_start[actions + MAX], action_start[actions + MAX + 1]):
                    value = number[readers[at], text] * factors[at]
                    if value > maxima[bucket, slots[at]] and (conditions[at] < 0 or meets[conditions[at], text]):
                        maxima[bucket, slots[at]] = value
                for at in range(action_start[actions + DECAY], action_start[actions + DECAY + 1]):
                    if conditions[at] < 0 or meets[conditions[at], text]:
                        decays[slots[at]] += math.exp(-(age * factors[at]))
                for at in range(action_start[actions + TIME], action_start[actions + TIME + 1]):
                    if conditions[at] < 0 or meets[conditions[at], text]:
                        earliest[slots[at]] = entered
                        if latest[slots[at]] == NEVER:
                            latest[slots[at]] = entered
                for at in range(action_start[actions + NUMBER], action_start[actions + NUMBER + 1]):
                    slot = slots[at]
                    if math.isnan(numbers[slot]) and (conditions[at] < 0 or meets[conditions[at], text]):
                        numbers[slot] = number[readers[at], text]
                for at in range(action_start[actions + LEVEL], action_start[actions + LEVEL + 1]):
                    slot = slots[at]
                    if levels[slot] < 0 and (conditions[at] < 0 or meets[conditions[at], text]):
                        levels[slot] = level[readers[at], text]
                for at in range(action_start[actions + EVENT_LEVEL], action_start[actions + EVENT_LEVEL + 1]):
                    slot = slots[at]
                    if levels[slot] < 0 and (conditions[at] < 0 or meets[conditions[at], text]):
                        levels[slot] = event_level[readers[at], event]
                for at in range(action_start[actions + DATE], action_start[actions + DATE + 1]):
                    given = date[readers[at], text]
                    if given != NEVER and (conditions[at] < 0 or meets[conditions[at], text]):
                        slot = slots[at]
                        if last_date[slot] == NEVER:
                            last_date[slot], last_given[slot], next_date[slot] = given, entered, given
                        elif given != next_date[slot]:
                            n_changes[slot] += 1
                            next_date[slot] = given
        for bucket in range(1, n_buckets):
            for slot in range(sizes[0]):
                totals[bucket, slot] += totals[bucket - 1, slot]
            for slot in range(sizes[1]):
                maxima[bucket, slot] = max(maxima[bucket, slot], maxima[bucket - 1, slot])

        for column in range(len(take)):
            what, a, b, c, unit = take[column], first[column], second[column], third[column], units[column]
            value = math.nan
            if what == TAKE_TOTAL:
                value = totals[b, a]
            elif what == TAKE_MEAN:
                if totals[b, c] > 0:
                    value = totals[b, a] / totals[b, c]
            elif what == TAKE_MAX:
                if maxima[b, a] > -math.inf:
                    value = maxima[b, a] * unit
            elif what == TAKE_MOMENTUM:
                value = _change(totals[b, a], totals[c, a] - totals[b, a])
            elif what == TAKE_PACE:
                past = (as_of - entered) / DAY - unit
                if entered != NEVER and past > 0:
                    value = _change(totals[b, a] / unit, (totals[n_buckets - 1, a] - totals[b, a]) / past)
            elif what == TAKE_SINCE_LAST:
                if latest[a] != NEVER:
                    value = (as_of - latest[a]) / DAY
            elif what == TAKE_SINCE_FIRST:
                if earliest[a] != NEVER:
                    value = (as_of - earliest[a]) / DAY
            elif what == TAKE_DECAY:
                value = decays[a]
            elif what == TAKE_NUMBER:
                value = numbers[a]
            elif what == TAKE_LEVEL:
                if levels[a] >= 0:
                    value = float(levels[a])
            elif what == TAKE_DATE_AHEAD:
                if last_date[a] != NEVER:
                    value = (last_date[a] - as_of) / DAY
            elif what == TAKE_DATE_AGE:
                if last_date[a] != NEVER:
                    value = (as_of - last_given[a]) / DAY
            elif what == TAKE_DATE_CHANGES:
                value = float(n_changes[a])
            elif what == TAKE_DATE_DRIFT:
                if last_date[a] != NEVER:
                    value = (last_date[a] - next_date[a]) / DAY
            elif what == TAKE_AGE:
                if entered != NEVER:
                    value = (as_of - entered) / DAY
            elif what == TAKE_WEEKDAY:
                value = float((as_of // DAY + 3) % 7)
            elif what == TAKE_MONTH:
                value = float(_year_and_month(as_of // DAY)[0])
            elif what == TAKE_DAY_OF_YEAR:
                value = float(_year_and_month(as_of // DAY)[1])
            elif what == TAKE_ACCOUNT_TOTAL:
                value = float(_account_total(accounts, account, as_of, c, totals[b, a]))
            elif what == TAKE_ACCOUNT_SINCE_LAST:
                since = _account_latest(accounts, account, as_of, c, lead)
                if since != NEVER:
                    value = (as_of - since) / DAY
            elif what == TAKE_COLLEAGUES:
                value = 0.0
                if account >= 0:
                    begin, end = accounts.member_start[account], accounts.member_start[account + 1]
                    value = max(float(_upper(accounts.member_since, begin, end, as_of) - begin - 1), 0.0)
            out[row, column] = value
        for column in range(len(take)):
            if take[column] == TAKE_RATIO:
                below = out[row, second[column]]
                out[row, column] = out[row, first[column]] / below if below != 0 else math.nan
