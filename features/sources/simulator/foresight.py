# ruff: noqa: PLR0917 - numba takes no keyword-only arguments
"""What is to come, in closed form: incidences carried forward day by day, and what an ideal observer believes.

Not cached on disk, since both call the law in kernel.py (see there): compiled in a few seconds where used.
"""

from __future__ import annotations

from typing import NamedTuple

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


class Asked(NamedTuple):
    """One row for each curve wanted: the state at the start of day ``start``, and the lead.

    ``mass`` (n, 2, 6): probabilities of the clock (0 undated, 1 driven by the date ``need``) and of the phase. For the
    first ``wait`` days nothing happens to the lead itself.
    """

    mass: Float
    need: Ints
    start: Ints
    wait: Ints
    contact: Ints
    early: Ints
    lead: Ints
    speed: Float


@jit
def meet(law: Law, traits: Traits, i: int, phase: int, t: int, now: Float, then: Float) -> None:
    """Spread the mass (3, 4) over contact and early calls by the call that day t may bring."""
    then[:] = 0.0
    for q in range(CONTACTS):
        for a in range(EARLY_CALLS):
            p = now[q, a]
            if p == 0.0:
                continue
            met = call_chance(law, phase, q, t, traits.skill[i], traits.capacity[i])
            met *= (1.0 - NO_ANSWER_SHARE) * (1.0 - traits.wrong[i])
            good = on_time_chance(phase, q, traits.skill[i])
            then[q, a] += p * (1.0 - met)
            q1, a1 = after_call(q, a, answer(phase, q, traits.skill[i], -1.0))
            q2, a2 = after_call(q, a, answer(phase, q, traits.skill[i], 2.0))
            then[q1, a1] += p * met * good
            then[q2, a2] += p * met * (1.0 - good)


@jit
def end(law: Law, traits: Traits, i: int, phase: int, t: int, need: int, mass: Float) -> tuple[float, float]:
    """Take from the mass (3, 4) what buys and what is lost on day t; returns both."""
    bought, lost = 0.0, 0.0
    for q in range(CONTACTS):
        for a in range(EARLY_CALLS):
            if mass[q, a] > 0.0:
                buy, lose = endings(law, phase, q, a, t, traits.fit[i], traits.closing[i], need)
                bought += mass[q, a] * buy
                lost += mass[q, a] * lose
                mass[q, a] *= 1.0 - buy - lose
    return bought, lost


@jit
def forward(law: Law, traits: Traits, asked: Asked, bought: Float, lost: Float) -> None:
    """Carry each row's law forward, calls still to come included, in closed form.

    Fills ``bought`` and ``lost`` (n, days + 1), the cumulative incidences at the starts of days. The state is clock,
    phase, contact and early calls, (2, 6, 3, 4).
    """
    called = np.zeros((CONTACTS, EARLY_CALLS))
    for r in range(len(asked.start)):
        i = asked.lead[r]
        now = np.zeros((2, 6, CONTACTS, EARLY_CALLS))
        now[:, :, asked.contact[r], asked.early[r]] = asked.mass[r]
        for d in range(bought.shape[1] - 1):
            t = asked.start[r] + d
            bought[r, d + 1], lost[r, d + 1] = bought[r, d], lost[r, d]
            for clock in range(2):
                need = asked.need[r] if clock == 1 else NO_NEED_DATE
                for z in range(5, -1, -1):  # from the last, so that nothing moves twice
                    mass = now[clock, z]
                    if d >= asked.wait[r]:
                        meet(law, traits, i, z, t, mass, called)
                        buy, lose = end(law, traits, i, z, t, need, called)
                        bought[r, d + 1] += buy
                        lost[r, d + 1] += lose
                        mass[:] = called
                    move = moves_on(law, z, t, asked.speed[r], need)
                    if move > 0.0:
                        now[clock, z + 1] += mass * move
                        mass *= 1.0 - move


@jit
def contact_at(calls: Ints, begins: Ints, lead: int, day: int) -> tuple[int, int]:
    """Contact and number of early calls of a lead at the start of a day; its calls are rows from ``begins[lead]``."""
    contact, early = NONE, 0
    for r in range(begins[lead], begins[lead + 1]):
        if calls[r, 1] < day:
            contact, early = after_call(contact, early, calls[r, 2])
    return contact, early


@jit
def call_on(calls: Ints, begins: Ints, lead: int, day: int) -> int:
    """The disposition of the call of that day, -1 when there was none."""
    for r in range(begins[lead], begins[lead + 1]):
        if calls[r, 1] == day:
            return int(calls[r, 2])
    return -1


@jit
def met_with(disposition: int, phase: int, contact: int, skill: float) -> float:
    """Probability that a call in this phase is met with this disposition, up to a factor of all phases."""
    if disposition in (NO_ANSWER, WRONG_PERSON):
        return 1.0
    if phase >= 4:
        return 1.0 if disposition == (TOO_LATE if phase == 4 else NOT_A_BUYER) else 0.0
    good = on_time_chance(phase, contact, skill)
    return good if disposition == ON_TIME else (1.0 - good if disposition == TOO_EARLY else 0.0)


class Seen(NamedTuple):
    """What the tables show: signals and calls of each lead from row ``*_begin[lead]`` on, and how leads ended."""

    signals: Ints
    signals_begin: Ints
    calls: Ints
    calls_begin: Ints
    ends: Ints
    declared: Ints
    deadline: Ints


@jit
def weigh_lead(
    law: Law, traits: Traits, i: int, t: int, need: int, seen: Seen, rows: tuple[int, int], belief: Float
) -> None:
    """Multiply the belief (2, 6) by how likely day t of lead i is in each clock and phase; ``rows``: its signals."""
    contact, early = contact_at(seen.calls, seen.calls_begin, i, t)
    disposition = call_on(seen.calls, seen.calls_begin, i, t)
    before = contact
    if disposition >= 0:
        contact, early = after_call(contact, early, disposition)
    ending = seen.ends[i, 0] if seen.ends[i, 1] == t else 0
    for z in range(6):
        like = call_chance(law, z, before, t, traits.skill[i], traits.capacity[i])
        like = 1.0 - like if disposition < 0 else like * met_with(disposition, z, before, traits.skill[i])
        if ending == 0:  # what was seen on the last day is left out: part of it comes after the ending
            scale = traits.activity[i] * law.signal_on[t]
            like *= np.exp(-law.rate_sum[z] * scale)
            for r in range(rows[0], rows[1]):
                like *= law.rate[z, seen.signals[r, 2]] * scale
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
def weigh_leads(
    law: Law, needs: Needs, traits: Traits, k: int, t: int, need: int, seen: Seen, at: Ints, belief: Float
) -> None:
    """Weigh day t of all leads of account k that were there and open; ``at``: the next signal of each, moved on."""
    for i in range(needs.first[k], needs.until[k]):
        if t <= traits.created[i] or t > seen.ends[i, 1]:
            continue
        j = i - needs.first[k]
        low = at[j]
        while at[j] < seen.signals_begin[i + 1] and seen.signals[at[j], 1] == t:
            at[j] += 1
        weigh_lead(law, traits, i, t, need, seen, (low, at[j]), belief)


@jit
def move_belief(law: Law, t: int, speed: float, need: int, belief: Float) -> None:
    """Carry the belief (2, 6) over the end of day t."""
    for clock in range(2):
        for z in range(4, -1, -1):
            p = moves_on(law, z, t, speed, need if clock == 1 else NO_NEED_DATE)
            if p > 0.0:
                belief[clock, z + 1] += belief[clock, z] * p
                belief[clock, z] *= 1.0 - p


@jit
def believe(
    law: Law, needs: Needs, traits: Traits, prior: Float, seen: Seen, accounts: Ints, days: Ints
) -> tuple[Float, Ints]:
    """What can be known of each of ``accounts`` at the start of the day from all that was seen of its leads before.

    Returns the belief (n, 2, 6) of clock and phase, and the deadline then declared (n,).
    """
    beliefs, dates = np.zeros((len(accounts), 2, 6)), np.zeros(len(accounts), dtype=np.int64)
    for row in range(len(accounts)):
        k = accounts[row]
        belief = prior[k].copy()
        date, move = seen.deadline[k, 0], 1
        at = seen.signals_begin[needs.first[k] : needs.until[k]].copy()
        for t in range(needs.created[k], days[row]):
            was = date
            if t > needs.created[k] and seen.declared[k, move] == t:
                date, move = seen.deadline[k, move], move + 1
            if was != NO_NEED_DATE:
                weigh_deadline(t - needs.created[k], t, was, date, belief)
            weigh_leads(law, needs, traits, k, t, date, seen, at, belief)
            belief /= belief.sum()
            move_belief(law, t, needs.speed[k], date, belief)
        beliefs[row], dates[row] = belief, date
    return beliefs, dates
