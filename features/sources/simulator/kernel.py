# ruff: noqa: PLR0917 - numba takes no keyword-only arguments
"""The compiled part: one day of a lead after another. What is drawn and what is predicted use the same functions.

Order of a day t of an open lead, after the day of its creation: (1) a sales call, perhaps; (2) the ending,
perhaps; (3) engagement; (4) the need moves on to its next phase, perhaps. The phase belongs to the account, the
rest to the lead. State of a lead: phase (6), contact (NONE, TALKS, TOLD), number of early calls (0 to 3).

The compiled code is cached on disk. numba's cache looks for changes in a function's own file only: what is compiled
elsewhere and calls into here must not be cached.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from features.sources.simulator.dynamics import Law

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE, TALKS, TOLD = 0, 1, 2
CONTACTS, EARLY_CALLS = 3, 4
TOO_EARLY, ON_TIME, TOO_LATE, NOT_A_BUYER, WRONG_PERSON, NO_ANSWER = range(6)
DISPOSITIONS = ("too_early", "on_time", "too_late", "not_a_buyer", "wrong_person", "no_answer")
NO_NEED_DATE = -100_000
OPENS_AT, CLOSES_AT = 8 / 24, 18 / 24  # endings fall evenly between, as a share of the day
NO_ANSWER_SHARE = 0.30


class Needs(NamedTuple):
    """Of accounts: ``first``, ``until``: their leads; ``created``: day; ``speed``; ``phase``: at creation; ``need``:
    the day an honest deadline means, else NO_NEED_DATE."""

    key: npt.NDArray[np.uint64]
    first: Ints
    until: Ints
    created: Ints
    speed: Float
    phase: Ints
    need: Ints


class Traits(NamedTuple):
    """Of leads, what the law depends on. ``created``: day; ``wrong``: share of calls that meet the wrong person."""

    key: npt.NDArray[np.uint64]
    created: Ints
    fit: Float
    activity: Float
    skill: Float
    capacity: Float
    closing: Float
    wrong: Float


jit = numba.njit(cache=True, error_model="numpy")


@jit
def uniform(state: npt.NDArray[np.uint64]) -> float:
    """The next number of SplitMix64 in [0, 1); ``state`` has one element and moves on."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    x = state[0]
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@jit
def poisson(state: npt.NDArray[np.uint64], mean: float) -> int:
    """A Poisson number by counting (Knuth); for means of a few at most."""
    floor = np.exp(-mean)
    product, count = uniform(state), 0
    while product > floor:
        product *= uniform(state)
        count += 1
    return count


@jit
def moves_on(law: Law, phase: int, t: int, speed: float, need: int) -> float:
    """Probability that the need leaves ``phase`` at the end of day t.

    An honest date drives the clock: the later phases come when it is near, and the need closes after it.
    """
    if phase >= 4:
        return 0.0
    if need == NO_NEED_DATE:
        return float(min(0.9, law.leave[phase] * speed * law.speed_on[t]))
    left = need - t
    if phase == 3:
        return 0.0 if left > -3 else 0.25
    due = left < 90 if phase == 0 else (left < 55 if phase == 1 else left < 16)
    if left < 8:
        return 0.5
    return 0.12 if due else (0.004 if phase == 2 else law.leave[phase] * 0.5)


@jit
def near_need(t: int, need: int) -> float:
    """What an honest date multiplies the purchase hazard of day t by."""
    if need == NO_NEED_DATE:
        return 1.0
    left = need - t
    return 0.05 if left > 7 else (1.5 if left > 3 else (4.5 if left > -3 else 2.0))


@jit
def endings(
    law: Law, phase: int, contact: int, early: int, t: int, fit: float, closing: float, need: int
) -> tuple[float, float]:
    """Probabilities of buying and of being lost on day t."""
    buy = law.buy[phase] * fit * law.talks[contact] * law.annoyed_buys[early] * law.buy_on[t]
    if contact == TALKS:
        buy *= closing
    if phase in (2, 3):
        buy *= near_need(t, need)
    lose = law.lose[phase] * law.told[contact] * law.annoyed_leaves[early] * law.lose_on[t]
    if need != NO_NEED_DATE and phase < 4:
        lose *= 0.7
    buy = 1.0 - np.exp(-buy)
    return buy, (1.0 - buy) * (1.0 - np.exp(-lose))


@jit
def call_chance(law: Law, phase: int, contact: int, t: int, skill: float, capacity: float) -> float:
    """Probability of a sales call on day t."""
    usual = skill * law.call[phase] + (1.0 - skill) * law.call_blind
    return float(min(0.9, usual * capacity * law.call_more[contact] * law.call_on[t]))


@jit
def on_time_chance(phase: int, contact: int, skill: float) -> float:
    """Probability that a call that reaches the right person is met with interest."""
    if phase == 3 or (phase == 2 and contact == TALKS):
        return 1.0
    return 0.45 + 0.35 * skill if phase == 2 else 0.0


@jit
def answer(phase: int, contact: int, skill: float, u: float) -> int:
    """The disposition of a call that reaches the right person, by ``u`` in [0, 1)."""
    if phase == 5:
        return NOT_A_BUYER
    if phase == 4:
        return TOO_LATE
    return ON_TIME if u < on_time_chance(phase, contact, skill) else TOO_EARLY


@jit
def after_call(contact: int, early: int, disposition: int) -> tuple[int, int]:
    """Contact and number of early calls after a call."""
    if disposition == TOO_EARLY:
        return contact, min(early + 1, EARLY_CALLS - 1)
    if disposition == ON_TIME:
        return TALKS, early
    if disposition in (TOO_LATE, NOT_A_BUYER):
        return TOLD, early
    return contact, early


@jit
def walk_needs(law: Law, needs: Needs, days: int, phases: npt.NDArray[np.int8]) -> None:
    """Fill ``phases`` (accounts, days): the phase at the start of each day; -1 before the account is there."""
    state = np.empty(1, dtype=np.uint64)
    for k in range(len(needs.first)):
        state[0] = needs.key[k]
        phase = needs.phase[k]
        for t in range(needs.created[k], days):
            phases[k, t] = phase
            if uniform(state) < moves_on(law, phase, t, needs.speed[k], needs.need[k]):
                phase += 1


class Log(NamedTuple):
    """Where drawn journeys are written.

    ``signals`` (room, 3): lead, day, kind. ``calls`` (room, 3): lead, day, disposition. ``ends`` (leads, 4): outcome
    (0 open), day, contact and early calls then. ``share`` (leads,): part of the day gone by at the ending.
    ``drawn`` (2,): how many signals and calls there are, whether or not they found room.
    """

    signals: Ints
    calls: Ints
    ends: Ints
    share: Float
    drawn: Ints


@jit
def draw_call(law: Law, traits: Traits, i: int, phase: int, contact: int, t: int, state: npt.NDArray[np.uint64]) -> int:
    """The disposition of the call of day t, -1 when there is none."""
    if uniform(state) >= call_chance(law, phase, contact, t, traits.skill[i], traits.capacity[i]):
        return -1
    if uniform(state) < NO_ANSWER_SHARE:
        return NO_ANSWER
    if uniform(state) < traits.wrong[i]:
        return WRONG_PERSON
    return answer(phase, contact, traits.skill[i], uniform(state))


@jit
def draw_signals(law: Law, traits: Traits, i: int, phase: int, t: int, state: npt.NDArray[np.uint64], log: Log) -> None:
    """Independent Poisson rates, drawn as their total number and then the kind of each."""
    for _ in range(poisson(state, law.rate_sum[phase] * traits.activity[i] * law.signal_on[t])):
        kind = np.searchsorted(law.rate_cut[phase], uniform(state), side="right")
        row = log.drawn[0]
        if row < len(log.signals):
            log.signals[row, 0], log.signals[row, 1], log.signals[row, 2] = i, t, kind
        log.drawn[0] += 1


@jit
def walk_leads(law: Law, needs: Needs, traits: Traits, phases: npt.NDArray[np.int8], days: int, log: Log) -> None:
    """Draw every lead's journey into ``log``."""
    state = np.empty(1, dtype=np.uint64)
    for k in range(len(needs.first)):
        for i in range(needs.first[k], needs.until[k]):
            state[0] = traits.key[i]
            contact, early = NONE, 0
            for t in range(traits.created[i] + 1, days):
                phase = phases[k, t]
                disposition = draw_call(law, traits, i, phase, contact, t, state)
                if disposition >= 0:
                    row = log.drawn[1]
                    if row < len(log.calls):
                        log.calls[row, 0], log.calls[row, 1], log.calls[row, 2] = i, t, disposition
                    log.drawn[1] += 1
                    contact, early = after_call(contact, early, disposition)
                buy, lose = endings(law, phase, contact, early, t, traits.fit[i], traits.closing[i], needs.need[k])
                u = uniform(state)
                draw_signals(law, traits, i, phase, t, state, log)
                if u < buy + lose:
                    log.ends[i, 0], log.ends[i, 1] = 1 if u < buy else 2, t
                    log.share[i] = OPENS_AT + (CLOSES_AT - OPENS_AT) * uniform(state)
                    break
            log.ends[i, 2], log.ends[i, 3] = contact, early
