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
# OWN ones are for events that count to the lead's account, APART ones for those that no account's series holds.
(
    COUNT,
    SUM,
    GIVEN,
    ACTIVE_DAY,
    DISTINCT,
    OWN,
    APART,
    MAX,
    DECAY,
    OWN_DECAY,
    APART_DECAY,
    TIME,
    NUMBER,
    LEVEL,
    EVENT_LEVEL,
    DATE,
) = range(16)
N_ACTIONS = 16

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
    TAKE_DATE_FIRST_AHEAD,
    TAKE_DATE_FIRST_AGE,
    TAKE_DATE_NOTICE,
    TAKE_DATE_MOVE,
    TAKE_DATE_MARGIN,
    TAKE_AGE,
    TAKE_WEEKDAY,
    TAKE_MONTH,
    TAKE_DAY_OF_YEAR,
    TAKE_ACCOUNT_TOTAL,
    TAKE_ACCOUNT_SINCE_LAST,
    TAKE_ACCOUNT_DECAY,
    TAKE_WHOLE_TOTAL,
    TAKE_WHOLE_SINCE_LAST,
    TAKE_WHOLE_DECAY,
    TAKE_WHOLE_DATE,
    TAKE_COLLEAGUES,
    TAKE_RATIO,
) = range(32)

# What is remembered of dates given: the last one, when it was last given, how often it changed, the first one and when
# it was given, the one before the last change, when the present one was first given.
DATE_LAST, DATE_GIVEN, DATE_CHANGES, DATE_FIRST, DATE_FIRST_GIVEN, DATE_BEFORE, DATE_CHANGED = range(7)

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
    decay_factor: Float64  # by decay of a stream
    decay_base: Int64  # where it starts less where the series of its stream does
    decays: Float64  # what the events that came in so far are worth when the last of them does
    date_base: Int64  # by date of a stream, as decay_base
    dates: Int64  # (7, events): what is remembered of the dates in the events that came in so far


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
    enters: Bool8  # by kind: whether such an event is one of the lead's life, endings are not


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
def _month_and_day(day):  # type: ignore[no-untyped-def]
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
def _account_decayed(accounts, account, as_of, line, decay):  # type: ignore[no-untyped-def]
    """What the events that count to the account are still worth."""
    stream = line // accounts.series_base.shape[1]
    base = accounts.series_base[stream, 0]
    low = base + accounts.stream_start[stream, account]
    last = _upper(accounts.series, low, base + accounts.stream_start[stream, account + 1], as_of) - 1
    if last < low:
        return 0.0
    faded = math.exp(-((as_of - accounts.series[last]) * accounts.decay_factor[decay]))
    return accounts.decays[accounts.decay_base[decay] + last] * faded


@compiled
def _colleagues(accounts, account, as_of):  # type: ignore[no-untyped-def]
    """How many other leads belong to the account, or did, by as_of."""
    if account < 0:
        return 0
    begin, end = accounts.member_start[account], accounts.member_start[account + 1]
    return _upper(accounts.member_since, begin, end, as_of) - begin - 1


class State(NamedTuple):
    """What is gathered of a row while its events are gone through, newest first."""

    totals: Float64  # (buckets, slots): by the smallest window that holds the event, in the end by window
    last_day: Int64  # the earliest day met so far, for active days
    maxima: Float64  # (buckets, slots)
    decays: Float64
    latest: Int64
    earliest: Int64
    numbers: Float64
    levels: Int64
    dates: Int64  # (7, slots): see DATE_LAST; so far the event gone through before is the first to give one
    met: Int64  # (distinct slots, values): in which row a value was last met


@compiled
def _new_state(program, n_local):  # type: ignore[no-untyped-def]
    n_buckets, sizes = len(program.edges) + 1, program.sizes
    return State(
        totals=np.zeros((n_buckets, sizes[0])),
        last_day=np.zeros(sizes[0], dtype=np.int64),
        maxima=np.zeros((n_buckets, sizes[1])),
        decays=np.zeros(sizes[2]),
        latest=np.zeros(sizes[3], dtype=np.int64),
        earliest=np.zeros(sizes[3], dtype=np.int64),
        numbers=np.zeros(sizes[4]),
        levels=np.zeros(sizes[5], dtype=np.int64),
        dates=np.zeros((7, sizes[6]), dtype=np.int64),
        met=np.full((sizes[7], n_local), -1, dtype=np.int64),
    )


@compiled
def _clear(state):  # type: ignore[no-untyped-def]
    state.totals[:] = 0.0
    state.last_day[:] = NEVER
    state.maxima[:] = -math.inf
    state.decays[:] = 0.0
    state.latest[:] = NEVER
    state.earliest[:] = NEVER
    state.numbers[:] = math.nan
    state.levels[:] = -1
    state.dates[:] = NEVER
    state.dates[DATE_CHANGES] = 0


@compiled
def _divided(above, below):  # type: ignore[no-untyped-def]
    return above / below if below != 0 else math.nan


@compiled
def _pace(now, ever, window, life):  # type: ignore[no-untyped-def]
    """Events a day in the window against those a day in the life before it."""
    past = life - window
    return _change(now / window, (ever - now) / past) if past > 0 else math.nan


@compiled
def _since(moment, as_of):  # type: ignore[no-untyped-def]
    return (as_of - moment) / DAY if moment != NEVER else math.nan


@compiled
def _date(what, last, given, changes, first, first_given, before, changed, as_of):  # type: ignore[no-untyped-def]  # noqa: PLR0911, PLR0917
    """What columns take from the dates given in a property."""
    if what == TAKE_DATE_CHANGES:
        return float(changes)
    if last == NEVER:
        return math.nan
    if what == TAKE_DATE_AHEAD:
        return (last - as_of) / DAY
    if what == TAKE_DATE_AGE:
        return (as_of - given) / DAY
    if what == TAKE_DATE_DRIFT:
        return (last - first) / DAY
    if what == TAKE_DATE_FIRST_AHEAD:
        return (first - as_of) / DAY
    if what == TAKE_DATE_FIRST_AGE:
        return (as_of - first_given) / DAY
    if what == TAKE_DATE_NOTICE:
        return (last - changed) / DAY
    if before == NEVER:
        return math.nan
    return (last - before) / DAY if what == TAKE_DATE_MOVE else (before - changed) / DAY


@compiled
def _account_last(accounts, account, as_of, stream):  # type: ignore[no-untyped-def]
    """The place of the last event of a stream that came in, -1 for none."""
    base = accounts.series_base[stream, 0]
    low = base + accounts.stream_start[stream, account]
    last = _upper(accounts.series, low, base + accounts.stream_start[stream, account + 1], as_of) - 1
    return last if last >= low else np.int64(-1)


@compiled
def _calendar(what, as_of):  # type: ignore[no-untyped-def]
    day = as_of // DAY
    if what == TAKE_WEEKDAY:
        return float((day + 3) % 7)
    month, day_of_year = _month_and_day(day)
    return float(month) if what == TAKE_MONTH else float(day_of_year)


@compiled
def fill_rows(out, low, high, leads, as_ofs, events, texts, accounts, program, n_local):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0915, PLR0917
    """Fill rows low:high of ``out`` (n, p) for these leads (-1: nothing known) and as-of times.

    ``n_local``: how many different values a lead has at most, over the distinct readers.

    One long function on purpose: handing arrays, alone or in tuples, to a function called for each event or column
    makes numba count references there, which took several times as long as the work itself.
    """
    take, a_of, b_of, c_of, units = program.take, program.a, program.b, program.c, program.unit
    state = _new_state(program, n_local)
    edges, starts, slots, conditions = program.edges, program.action_start, program.slot, program.condition
    readers, extras, factors, enters = program.reader, program.extra, program.factor, program.enters
    lead_start, occurred, recorded, kinds = events.start, events.occurred, events.recorded, events.kind
    text_of, event_account, local, event_level = events.text, events.account, events.local, events.level
    meets, number, level, date = texts.meets, texts.number, texts.level, texts.date
    totals, last_day, met, maxima, decays = state.totals, state.last_day, state.met, state.maxima, state.decays
    latest, earliest, numbers, levels = state.latest, state.earliest, state.numbers, state.levels
    dates = state.dates
    for row in range(low, high):
        lead, as_of = leads[row], as_ofs[row]
        _clear(state)
        entered, account, bucket, shared = NEVER, np.int32(-1), 0, False
        if lead >= 0:
            account = _account_of(accounts, lead, as_of)
            shared = _colleagues(accounts, account, as_of) > 0
            begin = lead_start[lead]
            for event in range(_upper(occurred, begin, lead_start[lead + 1], as_of) - 1, begin - 1, -1):
                if kinds[event] < 0 or recorded[event] > as_of:
                    continue
                moment = occurred[event]
                age = as_of - moment
                if enters[kinds[event]]:
                    entered = moment
                while bucket < len(edges) and age >= edges[bucket]:
                    bucket += 1
                text, first = text_of[event], kinds[event] * N_ACTIONS
                for at in range(starts[first + COUNT], starts[first + COUNT + 1]):
                    if conditions[at] < 0 or meets[conditions[at], text]:
                        totals[bucket, slots[at]] += 1.0
                for at in range(starts[first + SUM], starts[first + SUM + 1]):
                    value = number[readers[at], text]
                    if not math.isnan(value) and (conditions[at] < 0 or meets[conditions[at], text]):
                        totals[bucket, slots[at]] += value
                for at in range(starts[first + GIVEN], starts[first + GIVEN + 1]):
                    value = number[readers[at], text]
                    if not math.isnan(value) and (conditions[at] < 0 or meets[conditions[at], text]):
                        totals[bucket, slots[at]] += 1.0
                for at in range(starts[first + ACTIVE_DAY], starts[first + ACTIVE_DAY + 1]):
                    day, slot = moment // DAY, slots[at]
                    if last_day[slot] != day and (conditions[at] < 0 or meets[conditions[at], text]):
                        last_day[slot] = day
                        totals[bucket, slot] += 1.0
                for at in range(starts[first + DISTINCT], starts[first + DISTINCT + 1]):
                    code = local[readers[at], event]
                    new = code >= 0 and met[extras[at], code] != row
                    if new and (conditions[at] < 0 or meets[conditions[at], text]):
                        met[extras[at], code] = row
                        totals[bucket, slots[at]] += 1.0
                own = event_account[event] == account
                for at in range(starts[first + OWN], starts[first + OWN + 1]):
                    if own and (conditions[at] < 0 or meets[conditions[at], text]):
                        totals[bucket, slots[at]] += 1.0
                apart = not (own and shared)
                for at in range(starts[first + APART], starts[first + APART + 1]):
                    if apart and (conditions[at] < 0 or meets[conditions[at], text]):
                        totals[bucket, slots[at]] += 1.0
                for at in range(starts[first + MAX], starts[first + MAX + 1]):
                    value = number[readers[at], text] * factors[at]
                    if value > maxima[bucket, slots[at]] and (conditions[at] < 0 or meets[conditions[at], text]):
                        maxima[bucket, slots[at]] = value
                for at in range(starts[first + DECAY], starts[first + DECAY + 1]):
                    if conditions[at] < 0 or meets[conditions[at], text]:
                        decays[slots[at]] += math.exp(-(age * factors[at]))
                for at in range(starts[first + OWN_DECAY], starts[first + OWN_DECAY + 1]):
                    if own and shared and (conditions[at] < 0 or meets[conditions[at], text]):
                        decays[slots[at]] += math.exp(-(age * factors[at]))
                for at in range(starts[first + APART_DECAY], starts[first + APART_DECAY + 1]):
                    if apart and (conditions[at] < 0 or meets[conditions[at], text]):
                        decays[slots[at]] += math.exp(-(age * factors[at]))
                for at in range(starts[first + TIME], starts[first + TIME + 1]):
                    if conditions[at] < 0 or meets[conditions[at], text]:
                        earliest[slots[at]] = moment
                        if latest[slots[at]] == NEVER:
                            latest[slots[at]] = moment
                for at in range(starts[first + NUMBER], starts[first + NUMBER + 1]):
                    if math.isnan(numbers[slots[at]]) and (conditions[at] < 0 or meets[conditions[at], text]):
                        numbers[slots[at]] = number[readers[at], text]
                for at in range(starts[first + LEVEL], starts[first + LEVEL + 1]):
                    if levels[slots[at]] < 0 and (conditions[at] < 0 or meets[conditions[at], text]):
                        levels[slots[at]] = level[readers[at], text]
                for at in range(starts[first + EVENT_LEVEL], starts[first + EVENT_LEVEL + 1]):
                    if levels[slots[at]] < 0 and (conditions[at] < 0 or meets[conditions[at], text]):
                        levels[slots[at]] = event_level[readers[at], event]
                for at in range(starts[first + DATE], starts[first + DATE + 1]):
                    given, slot = date[readers[at], text], slots[at]
                    if given == NEVER or (conditions[at] >= 0 and not meets[conditions[at], text]):
                        continue
                    if dates[DATE_LAST, slot] == NEVER:
                        dates[DATE_LAST, slot] = given
                        dates[DATE_GIVEN, slot] = dates[DATE_CHANGED, slot] = moment
                    elif given != dates[DATE_FIRST, slot]:
                        if dates[DATE_CHANGES, slot] == 0:
                            dates[DATE_BEFORE, slot] = given
                        dates[DATE_CHANGES, slot] += 1
                    elif dates[DATE_CHANGES, slot] == 0:
                        dates[DATE_CHANGED, slot] = moment
                    dates[DATE_FIRST, slot], dates[DATE_FIRST_GIVEN, slot] = given, moment
            for bucket in range(1, len(totals)):
                for slot in range(totals.shape[1]):
                    totals[bucket, slot] += totals[bucket - 1, slot]
                for slot in range(maxima.shape[1]):
                    maxima[bucket, slot] = max(maxima[bucket, slot], maxima[bucket - 1, slot])
        life = _since(entered, as_of)
        for column in range(len(take)):
            what, a, b, c = take[column], a_of[column], b_of[column], c_of[column]
            if what == TAKE_TOTAL:
                value = totals[b, a]
            elif what == TAKE_MEAN:
                value = _divided(totals[b, a], totals[b, c])
            elif what == TAKE_MAX:
                value = maxima[b, a] * units[column] if maxima[b, a] > -math.inf else math.nan
            elif what == TAKE_MOMENTUM:
                value = _change(totals[b, a], totals[c, a] - totals[b, a])
            elif what == TAKE_PACE:
                value = _pace(totals[b, a], totals[len(edges), a], units[column], life)
            elif what == TAKE_SINCE_LAST:
                value = _since(latest[a], as_of)
            elif what == TAKE_SINCE_FIRST:
                value = _since(earliest[a], as_of)
            elif what == TAKE_DECAY:
                value = decays[a]
            elif what == TAKE_NUMBER:
                value = numbers[a]
            elif what == TAKE_LEVEL:
                value = float(levels[a]) if levels[a] >= 0 else math.nan
            elif what <= TAKE_DATE_MARGIN or what == TAKE_WHOLE_DATE:
                which, found, at = what, dates, a
                if what == TAKE_WHOLE_DATE:
                    which = np.int32(units[column])
                    if shared:
                        place = _account_last(accounts, account, as_of, c)
                        found, at = accounts.dates, accounts.date_base[b] + place if place >= 0 else 0
                value = _date(
                    which,
                    found[DATE_LAST, at],
                    found[DATE_GIVEN, at],
                    found[DATE_CHANGES, at],
                    found[DATE_FIRST, at],
                    found[DATE_FIRST_GIVEN, at],
                    found[DATE_BEFORE, at],
                    found[DATE_CHANGED, at],
                    as_of,
                )
            elif what == TAKE_AGE:
                value = life
            elif what <= TAKE_DAY_OF_YEAR:
                value = _calendar(what, as_of)
            elif what == TAKE_ACCOUNT_TOTAL:
                value = float(_account_total(accounts, account, as_of, c, totals[b, a]))
            elif what == TAKE_ACCOUNT_SINCE_LAST:
                value = _since(_account_latest(accounts, account, as_of, c, lead), as_of)
            elif what == TAKE_ACCOUNT_DECAY:
                # no residue of the subtraction where no colleague did anything
                value = 0.0
                if shared and _account_latest(accounts, account, as_of, c, lead) != NEVER:
                    value = max(_account_decayed(accounts, account, as_of, c, b) - decays[a], 0.0)
            elif what == TAKE_WHOLE_TOTAL:
                value = totals[b, a]
                if shared:
                    value += _account_total(accounts, account, as_of, c, 0.0)
            elif what == TAKE_WHOLE_SINCE_LAST:
                value = _since(max(latest[a], _account_latest(accounts, account, as_of, c, lead)), as_of)
            elif what == TAKE_WHOLE_DECAY:
                value = decays[a]
                if shared:
                    value += _account_decayed(accounts, account, as_of, c, b)
            else:
                value = float(_colleagues(accounts, account, as_of))
            out[row, column] = value
        for column in range(len(take)):
            if take[column] == TAKE_RATIO:
                out[row, column] = _divided(out[row, a_of[column]], out[row, b_of[column]])
