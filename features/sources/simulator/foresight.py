"""What is to come, in closed form: incidences carried forward day by day, and what an ideal observer believes.

Not cached on disk, since both call the law in kernel.py (see there): compiled in a few seconds where used.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from features.sources.simulator.dynamics import Law
from features.sources.simulator.kernel import (
    CONTACTS,
    EARLY_CALLS,
    NO_ANSWER,
    NO_ANSWER_SHARE,
    NO_NEED_DATE,
    NONE,
    NOT_A_BUYER,
    ON_TIME,
    TOO_EARLY,
    TOO_LATE,
    WRONG_PERSON,
    Needs,
    Traits,
    after_call,
    answer,
    call_chance,
    endings,
    moves_on,
    on_time_chance,
)
from features.sources.simulator.population import CORRECTED, LAST_WEEK, LEAST_SLIP

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

jit = numba.njit(error_model="numpy")


@jit
def forward(
    law: Law,
    mass: Float,
    need: Ints,
    start: Ints,
    wait: Ints,
    contact: Ints,
    early: Ints,
    speed: Float,
    fit: Float,
    skill: Float,
    capacity: Float,
    closing: Float,
    wrong: Float,
    bought: Float,
    lost: Float,
) -> None:
    """Carry each row's law forward, calls still to come included, in closed form.

    ``mass`` (n, 2, 6): probabilities of the clock (0 undated, 1 driven by the date ``need``) and the phase at the
    start of day ``start``; for the first ``wait`` days nothing happens to the lead itself. Fills ``bought`` and ``lost`` (n, days + 1), the cumulative incidences at the starts of
    days. A call splits the mass over contact and early calls, so the state is (2, 6, 3, 4).
    """
    days = bought.shape[1] - 1
    for i in range(len(start)):
        now = np.zeros((2, 6, CONTACTS, EARLY_CALLS))
        now[:, :, contact[i], early[i]] = mass[i]
        for d in range(days):
            t = start[i] + d
            awake = 0.0 if d < wait[i] else 1.0
            then = np.zeros_like(now)
            buys, leaves = 0.0, 0.0
            for clock in range(2):
                date = need[i] if clock == 1 else NO_NEED_DATE
                for z in range(6):
                    move = moves_on(law, z, t, speed[i], date)
                    called = np.zeros((CONTACTS, EARLY_CALLS))
                    for q in range(CONTACTS):
                        for a in range(EARLY_CALLS):
                            p = now[clock, z, q, a]
                            if p == 0.0:
                                continue
                            met = call_chance(law, z, q, t, skill[i], capacity[i])
                            met *= (1.0 - NO_ANSWER_SHARE) * (1.0 - wrong[i]) * awake
                            called[q, a] += p * (1.0 - met)
                            good = on_time_chance(z, q, skill[i])
                            q1, a1 = after_call(q, a, answer(z, q, skill[i], -1.0))
                            q2, a2 = after_call(q, a, answer(z, q, skill[i], 2.0))
                            called[q1, a1] += p * met * good
                            called[q2, a2] += p * met * (1.0 - good)
                    for q in range(CONTACTS):
                        for a in range(EARLY_CALLS):
                            p = called[q, a]
                            if p == 0.0:
                                continue
                            buy, lose = endings(law, z, q, a, t, fit[i], closing[i], date)
                            buy, lose = buy * awake, lose * awake
                            buys += p * buy
                            leaves += p * lose
                            p *= 1.0 - buy - lose
                            then[clock, z, q, a] += p * (1.0 - move)
                            if move > 0.0:
                                then[clock, z + 1, q, a] += p * move
            bought[i, d + 1] = bought[i, d] + buys
            lost[i, d + 1] = lost[i, d] + leaves
            now = then


@jit
def contact_at(calls: Ints, begins: Ints, lead: int, day: int) -> tuple[int, int]:
    """Contact and number of early calls of a lead at the start of a day; its calls are rows from ``begins[lead]``."""
    contact, early = NONE, 0
    for r in range(begins[lead], begins[lead + 1]):
        if calls[r, 1] < day:
            contact, early = after_call(contact, early, calls[r, 2])
    return contact, early


@jit
def met_with(disposition: int, phase: int, contact: int, skill: float) -> float:
    """Probability that a call in this phase is met with this disposition, up to a factor of all phases."""
    if disposition in (NO_ANSWER, WRONG_PERSON):
        return 1.0
    if phase >= 4:
        return 1.0 if disposition == (TOO_LATE if phase == 4 else NOT_A_BUYER) else 0.0
    good = on_time_chance(phase, contact, skill)
    return good if disposition == ON_TIME else (1.0 - good if disposition == TOO_EARLY else 0.0)


@jit
def weigh_lead(
    law: Law,
    traits: Traits,
    i: int,
    t: int,
    need: int,
    signals: Ints,
    signal_rows: tuple[int, int],
    calls: Ints,
    call_rows: tuple[int, int],
    end: Ints,
    belief: Float,
) -> None:
    """Multiply the belief (2, 6) by how likely day t of lead i is in each clock and phase."""
    contact, early, disposition = NONE, 0, -1
    for r in range(call_rows[0], call_rows[1]):
        if calls[r, 1] < t:
            contact, early = after_call(contact, early, calls[r, 2])
        elif calls[r, 1] == t:
            disposition = calls[r, 2]
    before = contact
    if disposition >= 0:
        contact, early = after_call(contact, early, disposition)
    ending = end[0] if end[1] == t else 0
    for z in range(6):
        like = call_chance(law, z, before, t, traits.skill[i], traits.capacity[i])
        like = 1.0 - like if disposition < 0 else like * met_with(disposition, z, before, traits.skill[i])
        if ending == 0:  # what was seen on the last day is left out: part of it comes after the ending
            scale = traits.activity[i] * law.signal_on[t]
            like *= np.exp(-law.rate_sum[z] * scale)
            for r in range(signal_rows[0], signal_rows[1]):
                like *= law.rate[z, signals[r, 2]] * scale
        for clock in range(2):
            date = need if clock == 1 else NO_NEED_DATE
            buy, lose = endings(law, z, contact, early, t, traits.fit[i], traits.closing[i], date)
            belief[clock, z] *= like * (1.0 - buy - lose if ending == 0 else (buy if ending == 1 else lose))


@jit
def weigh_deadline(age: int, t: int, before: int, now: int, belief: Float) -> None:
    """Weigh honest against habitually slipping by whether the declared date moved on day t, ``age`` days after the
    first declaration, from ``before`` to ``now``."""
    left = before - t
    if now != before:
        if now - before >= LEAST_SLIP:
            belief[1] = 0.0
        else:
            belief[0] = 0.0
        return
    if 0 <= left < LAST_WEEK:
        belief[0] *= 1.0 - 1.0 / (left + 1.0)
    if 3 <= age < 10:
        belief[1] *= 1.0 - (CORRECTED / 7.0) / (1.0 - CORRECTED * (age - 3) / 7.0)


@jit
def believe(
    law: Law,
    needs: Needs,
    traits: Traits,
    prior: Float,
    declared: Ints,
    deadline: Ints,
    signals: Ints,
    signals_begin: Ints,
    calls: Ints,
    calls_begin: Ints,
    ends: Ints,
    accounts: Ints,
    days: Ints,
    beliefs: Float,
    dates: Ints,
) -> None:
    """Fill, for each row, what can be known of an account at the start of a day from all that was seen of its leads:
    ``beliefs`` (n, 2, 6) of clock and phase, and ``dates`` (n,), the deadline then declared."""
    for row in range(len(accounts)):
        k = accounts[row]
        belief = prior[k].copy()
        date, move = deadline[k, 0], 1
        at = signals_begin[needs.first[k] : needs.until[k]].copy()
        for t in range(needs.created[k], days[row]):
            was = date
            if t > needs.created[k] and declared[k, move] == t:
                date, move = deadline[k, move], move + 1
            if was != NO_NEED_DATE:
                weigh_deadline(t - needs.created[k], t, was, date, belief)
            for i in range(needs.first[k], needs.until[k]):
                if t <= traits.created[i] or t > ends[i, 1]:
                    continue
                j = i - needs.first[k]
                low = at[j]
                while at[j] < signals_begin[i + 1] and signals[at[j], 1] == t:
                    at[j] += 1
                rows = (calls_begin[i], calls_begin[i + 1])
                weigh_lead(law, traits, i, t, date, signals, (low, at[j]), calls, rows, ends[i], belief)
            belief /= belief.sum()
            for clock in range(2):
                for z in range(4, -1, -1):
                    p = moves_on(law, z, t, needs.speed[k], date if clock == 1 else NO_NEED_DATE)
                    moved = belief[clock, z] * p
                    belief[clock, z] -= moved
                    belief[clock, z + (1 if p > 0.0 else 0)] += moved
        beliefs[row], dates[row] = belief, date
