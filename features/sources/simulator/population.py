"""Who the leads are: accounts with colleagues, attributes, salespeople, dates of need; drawn lead by lead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.sources.simulator.dynamics import Span
from features.sources.simulator.kernel import NO_NEED_DATE, Needs, Traits
from features.sources.simulator.market import (
    ATTRIBUTES,
    BASE_VALUE,
    EASY_SOURCES,
    NEVER,
    OF_THE_LEAD,
    OWNERS,
    SOURCES,
    World,
    honest_share,
)
from features.sources.simulator.rng import choose, keys, normals, uniforms

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK = 8  # accounts never cross a multiple of it, so that leads can be drawn from any block on
_USES = {
    name: number
    for number, name in enumerate(
        (
            "account", "created", "later", "source", "never", "phase", "owner", "dated", "honest", "need", "error",
            "correction", "slip_on", "slip_by", "value", "walk_need", "walk_lead", "first", "known_value",
            *ATTRIBUTES,
        )
    )
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Population:
    """Leads ``first`` to ``first + n`` (their numbers) and their accounts. Arrays are (n,) unless said otherwise.

    ``account``: index into the accounts, which are in order; ``created``: day of the span, ``created_at``: share of
    that day; ``attributes``: level of each; ``declared`` (accounts, k): days on which a deadline is declared or
    moved, ``deadline`` (accounts, k): the day declared; both end with NO_NEED_DATE. ``prior`` (accounts, 2, 6):
    probabilities of clock (undated, honest date) and phase at creation, given what the tables show.
    """

    first: int
    account: Ints
    created: Ints
    created_at: Float
    source: Ints
    owner: Ints
    attributes: dict[str, Ints]
    value: Float
    declared: Ints
    deadline: Ints
    prior: Float
    needs: Needs
    traits: Traits

    def __len__(self) -> int:
        return len(self.account)

    @cached_property
    def numbers(self) -> Ints:
        return self.first + np.arange(len(self))


def draw_population(first: int, until: int, *, seed: int, world: World, span: Span) -> Population:
    """Leads number ``first`` up to before ``until``; both are multiples of BLOCK."""
    number = np.arange(first, until, dtype=np.int64)
    u = _Draws(seed)
    begins = (u(number, "account") < 0.66) | (number % BLOCK == 0)
    account = np.cumsum(begins) - 1
    head = number[begins]  # an account is drawn by the number of its first lead
    starts = np.flatnonzero(begins)

    account_created = choose(u(head, "created"), arrivals(span))
    source = _sources(u(head, "source"), account_created, world, span)
    levels = {
        name: choose(
            u(number if name in OF_THE_LEAD else head, name), np.array([level.share for level in ATTRIBUTES[name]])
        )
        for name in ATTRIBUTES
    }
    attributes = {name: level if name in OF_THE_LEAD else level[account] for name, level in levels.items()}
    later = _days_later(u(number, "later"), span.days - 1 - account_created[account])
    created = account_created[account] + np.where(begins, 0, later.astype(np.int64))
    owner = _owners(u(head, "owner"), source)[account]

    start_of = np.array([[*s.start, 0, 0, 0] for s in SOURCES])
    phase = choose(u(head, "phase"), start_of[source])
    never_share = np.array([s.never for s in SOURCES])[source]
    never = u(head, "never") < never_share
    phase[never] = NEVER
    dated = ~never & (u(head, "dated") < world.dated)
    meant_share = honest_share(world, account_created)[np.arange(len(head)), source]
    honest = dated & (u(head, "honest") < meant_share)
    meant = account_created + 14 + (70 * (-np.log1p(-u(head, "need"))) ** 0.75).astype(np.int64)
    need = np.where(honest, meant, NO_NEED_DATE)
    declared, deadline = _deadlines(
        u, head, dated=dated, honest=honest, created=account_created, meant=meant, span=span
    )

    def times(what: str, names: tuple[str, ...]) -> Float:
        product = np.ones(len(number))
        for name in names:
            product *= np.array([getattr(level, what) for level in ATTRIBUTES[name]])[attributes[name]]
        return product

    names = tuple(ATTRIBUTES)
    return Population(
        first=first,
        account=account,
        created=created,
        created_at=0.3 + 0.6 * u(number, "first"),
        source=source[account],
        owner=owner,
        attributes=attributes,
        value=np.round(BASE_VALUE * times("value", names) * np.exp(0.5 * normals(seed, number, _USES["value"])), -1),
        declared=declared,
        deadline=deadline,
        prior=_prior(start_of[source], never_share, dated, meant_share),
        needs=Needs(
            key=keys(seed, head, _USES["walk_need"]),
            first=starts,
            until=np.append(starts[1:], len(number)),
            created=account_created,
            speed=times("speed", names)[starts],
            phase=phase,
            need=need,
        ),
        traits=Traits(
            key=keys(seed, number, _USES["walk_lead"]),
            created=created,
            fit=times("fit", names),
            activity=times("activity", names),
            skill=np.array([o.skill for o in OWNERS])[owner],
            capacity=np.array([o.capacity for o in OWNERS])[owner],
            closing=np.array([o.closing for o in OWNERS])[owner],
            wrong=np.array([level.wrong for level in ATTRIBUTES["role"]])[attributes["role"]],
        ),
    )


class _Draws:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, index: Ints, use: str) -> Float:
        return uniforms(self.seed, index, _USES[use])


def arrivals(span: Span) -> Float:
    """(days,) the share of leads that come on each day: growing, fewer in summer, at weekends and at the year's end."""
    day = np.arange(span.days)
    ordinal = day + span.start.toordinal()
    weekend = (ordinal + 6) % 7 >= 5
    year = 2 * np.pi * (ordinal % 365.2425) / 365.2425
    rate = (1 + 0.5 * day / span.days) * (1 + 0.2 * np.cos(year - 0.6)) * np.where(weekend, 0.35, 1.0)
    return np.asarray(rate / rate.sum())


def source_shares(world: World, span: Span, day: Ints) -> Float:
    """(len(day), sources): the mix of sources; with drift, social ads and outbound grow and the website shrinks."""
    gone = np.array([world.change is not None and s.name == world.change.gone for s in SOURCES])
    share = np.tile([s.share for s in SOURCES], (len(day), 1))
    tilt = np.array([{"social_ads": 1.0, "outbound": 1.2, "website": -0.8}.get(s.name, 0.0) for s in SOURCES])
    share *= np.exp(world.drift * np.outer(day / span.days, tilt))
    if world.change is not None and world.change.gone is not None:
        share *= np.where(np.outer(day >= world.change.day, gone), 0.0, 1.0)
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def _days_later(u: Float, room: Ints) -> Float:
    """Exponential, 25 days on average; what would come after the ``room`` that is left comes at any time within it."""
    within = -np.expm1(-room / 25.0)
    beyond = (u - within) / (1.0 - within)
    return np.asarray(-25.0 * np.log1p(-np.where(u < within, u, beyond * within)))


def _sources(u: Float, created: Ints, world: World, span: Span) -> Ints:
    return choose(u, source_shares(world, span, created))


def _owners(u: Float, source: Ints) -> Ints:
    easy = np.array([s.name in EASY_SOURCES for s in SOURCES])[source]
    weight = np.array([o.workload for o in OWNERS])
    return choose(u, np.where(easy[:, None], weight * np.array([o.easy for o in OWNERS]), weight))


def _prior(start: Float, never: Float, dated: npt.NDArray[np.bool_], honest: Float) -> Float:
    """Given no deadline, an account is less rarely one that never buys: those who never buy declare none."""
    share = start * (1 - never)[:, None]
    prior = np.zeros((len(never), 2, 6))
    honest = np.where(dated, honest, 0.0)
    prior[:, 0], prior[:, 1] = share * (1 - honest)[:, None], share * honest[:, None]
    prior[:, 0, NEVER] = np.where(dated, 0.0, never)
    return np.asarray(prior)


CORRECTED = 0.125 * 0.95  # share of honest deadlines that are put right; the error is nought once in twenty
LAST_WEEK = 7  # habitual slippers move a deadline in the last days before it, by at least LEAST_SLIP days
LEAST_SLIP = 21


def _deadlines(
    u: _Draws,
    head: Ints,
    *,
    dated: npt.NDArray[np.bool_],
    honest: npt.NDArray[np.bool_],
    created: Ints,
    meant: Ints,
    span: Span,
) -> tuple[Ints, Ints]:
    """Honest: the day meant, in one of eight first a few days off and put right soon. Habitual slippers: a day that
    looks alike, and in the last week before it a new one three to nine weeks later, again and again."""
    moves = span.days // (LEAST_SLIP - LAST_WEEK) + 3  # more than fit into the calendar
    declared = np.full((len(head), moves), NO_NEED_DATE)
    deadline = np.full((len(head), moves), NO_NEED_DATE)
    error = np.round((u(head, "error") - 0.5) * 20).astype(np.int64)
    wrong = honest & (u(head, "correction") < 0.125) & (error != 0)
    declared[dated, 0] = created[dated]
    deadline[dated, 0] = np.where(wrong, np.maximum(meant + error, created + 10), meant)[dated]
    put_right = created + 3 + (u(head, "slip_on") * 7).astype(np.int64)
    declared[wrong, 1], deadline[wrong, 1] = put_right[wrong], meant[wrong]
    slips = dated & ~honest
    for k in range(1, moves):
        before = (LAST_WEEK * uniforms(u.seed, head, 1000 + 2 * k)).astype(np.int64)
        by = LEAST_SLIP + (42 * uniforms(u.seed, head, 1001 + 2 * k)).astype(np.int64)
        day = deadline[:, k - 1] - before
        go = slips & (declared[:, k - 1] != NO_NEED_DATE) & (day < span.days)
        declared[go, k], deadline[go, k] = day[go], (deadline[:, k - 1] + by)[go]
    return declared, deadline
