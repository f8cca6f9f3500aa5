"""The profile of the most satisfied customers: what they read, how they came, who they are, and their paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.history import Int64
from features.lives import GONE
from features.property_values import section_of, text_of
from model.measurement.journeys import Bool, Journeys
from model.measurement.lift import lifts, worth
from model.measurement.period import Period
from model.metrics.bootstrap import Estimate

Kind = Literal["content", "section", "channel", "campaign", "trait"]
Against = Literal["customers", "rated", "lost"]
Float = npt.NDArray[np.float64]

AT_LEAST = 5  # of both groups together; it looks at no difference, so it favours none
PATHS = 20  # of each kind
_NO_FACTS = frozenset({"account_id"})  # traits that say who a lead is, not what it is like


@dataclass(frozen=True)
class Groups:
    """(n,) each: the most satisfied customers, and those with whom they are compared."""

    satisfied: Bool
    others: Bool


@dataclass(frozen=True)
class Fact:
    """What ``count`` of the most satisfied and ``other_count`` of the others did or are.

    ``of``, ``other_of``: how many they are counted among: of a trait those of whom it is known. ``lift``: the ratio of
    the shares with its 95 % interval, infinite where none of the others did.
    """

    kind: Kind
    name: str
    value: str
    count: int
    of: int
    other_count: int
    other_of: int
    lift: Estimate
    p: float
    q: float


@dataclass(frozen=True)
class Path:
    """The first, the middle and the last touch, and how many took that path. None: fewer than two, or three, touches.

    Touches alike that follow each other are one.
    """

    kind: Literal["channel", "content"]
    first: str
    middle: str | None
    last: str | None
    count: int
    of: int
    other_count: int
    other_of: int


def groups(data: Journeys, period: Period, satisfied_from: float, against: Against) -> Groups:
    """Customers by when they purchased, lost leads by when they were lost. ``rated``: told how satisfied they are."""
    ended = period.holds(data.ended_at)
    customers = data.won & ended
    satisfied = customers & (data.told.satisfaction >= satisfied_from)
    if against == "lost":
        return Groups(satisfied, ended & (data.outcome == GONE))
    others = customers & ~satisfied
    return Groups(satisfied, others & np.isfinite(data.told.satisfaction) if against == "rated" else others)


def profile(data: Journeys, compared: Groups) -> list[Fact]:
    """Every fact that at least AT_LEAST leads of both groups share, but not all: the strongest evidence first."""
    if not compared.satisfied.any() or not compared.others.any():
        return []
    found: list[tuple[Kind, str, str]] = []
    parts: list[Float] = []
    for kind, name, values, lead, code, known in _facts(data):
        sides = [_counts(data, mine & known, lead, code, len(values)) for mine in (compared.satisfied, compared.others)]
        table = np.column_stack([column for side in sides for column in side])
        both, everyone = table[:, 0] + table[:, 3], table[:, 1] + table[:, 4]
        rows = np.flatnonzero((both >= AT_LEAST) & (both < everyone) & (table[:, 1] > 0) & (table[:, 4] > 0))
        found += [(kind, name, values[i]) for i in rows.tolist()]
        parts.append(table[rows])
    table = np.concatenate(parts) if parts else np.empty((0, 6))
    x, n, part, y, m, other_part = table.T
    measured = lifts(x * part, n * part, y * other_part, m * other_part)
    facts = [
        Fact(
            kind,
            name,
            value,
            count=int(x[i]),
            of=int(n[i]),
            other_count=int(y[i]),
            other_of=int(m[i]),
            lift=Estimate(float(measured.lift[i]), float(measured.low[i]), float(measured.high[i])),
            p=float(measured.p[i]),
            q=float(measured.q[i]),
        )
        for i, (kind, name, value) in enumerate(found)
    ]
    return sorted(facts, key=lambda one: (one.q, one.p, one.kind, one.name, one.value))


def paths(data: Journeys, compared: Groups) -> list[Path]:
    """The most frequent ones of the most satisfied, beside how often others took them."""
    touches, reads = data.touches, data.reads
    found: list[Path] = []
    of, other_of = int(compared.satisfied.sum()), int(compared.others.sum())
    kinds: tuple[tuple[Literal["channel", "content"], Int64, npt.NDArray[np.int32], tuple[str, ...]], ...] = (
        ("channel", touches.lead, touches.channel, data.channels),
        ("content", reads.lead, reads.code, reads.names),
    )
    for kind, lead, code, names in kinds:
        taken = [_ends(lead, code, names, mine) for mine in (compared.satisfied, compared.others)]
        best = sorted(taken[0].items(), key=lambda item: (-item[1], [text or "" for text in item[0]]))[:PATHS]
        found += [Path(kind, *path, count, of, taken[1][path], other_of) for path, count in best]
    return found


def _facts(data: Journeys) -> Iterator[tuple[Kind, str, tuple[str, ...], Int64, Int64, Bool]]:
    """By kind and trait: the values, which lead has which (pairs), and of which leads it is known."""
    everyone = np.ones(len(data.lead_ids), dtype=bool)
    reads, touches = data.reads, data.touches
    yield "content", "", reads.names, reads.lead, reads.code.astype(np.int64), everyone
    section = [section_of(name) or name for name in reads.names]
    names = tuple(sorted(name for name, contents in Counter(section).items() if contents > 1))  # one is a content
    of_name = {name: i for i, name in enumerate(names)}
    codes = np.array([of_name.get(name, -1) for name in section], dtype=np.int64)[reads.code]
    yield "section", "", names, reads.lead[codes >= 0], codes[codes >= 0], everyone
    yield "channel", "", data.channels, touches.lead, touches.channel.astype(np.int64), everyone
    has = touches.campaign >= 0
    yield "campaign", "", data.campaigns, touches.lead[has], touches.campaign[has].astype(np.int64), everyone
    said: dict[str, dict[str, list[int]]] = {}
    for lead, lead_id in enumerate(data.lead_ids):
        for trait, value in data.traits.get(lead_id, {}).items():
            text = text_of(value)
            if text is not None and trait not in _NO_FACTS:
                said.setdefault(trait, {}).setdefault(text, []).append(lead)
    for trait, by_value in said.items():
        pairs = [(lead, i) for i, leads in enumerate(by_value.values()) for lead in leads]
        lead_of, value_of = np.array(pairs, dtype=np.int64).T
        known = np.zeros(len(data.lead_ids), dtype=bool)
        known[lead_of] = True
        yield "trait", trait, tuple(by_value), lead_of, value_of, known


def _counts(data: Journeys, mine: Bool, lead: Int64, code: Int64, k: int) -> tuple[Float, Float, Float]:
    """(k,) each: leads of the group with each value, leads of the group, and how much each of them is worth."""
    n = int(mine.sum())
    of = np.full(k, float(n))
    rows = mine[lead]
    value, who = _pairs(code[rows], lead[rows], len(data.lead_ids))[:2]
    count = np.bincount(value, minlength=k).astype(np.float64)
    _, size = np.unique(data.account[mine], return_counts=True)
    if len(size) == n or len(size) == 1:
        return count, of, np.full(k, len(size) / max(n, 1) if n else 1.0)
    accounts = int(data.account.max()) + 1
    leads_of = np.bincount(data.account[mine], minlength=accounts).astype(np.float64)
    value, account, together = _pairs(value, data.account[who], accounts)
    squares = np.bincount(value, weights=together.astype(np.float64) ** 2, minlength=k)
    crossed = np.bincount(value, weights=together * leads_of[account], minlength=k)
    share = count / n
    spread = squares - 2 * share * crossed + share**2 * float((size.astype(np.float64) ** 2).sum())
    part = worth(count, of, spread * len(size) / (len(size) - 1))
    return count, of, np.where((count == 0) | (count == n), len(size) / n, part)  # no spread to learn from: accounts


def _pairs(first: Int64, second: Int64, n: int) -> tuple[Int64, Int64, Int64]:
    """Each different pair once, and how often it is there; the second numbers are below ``n``."""
    key, count = np.unique(first * max(n, 1) + second, return_counts=True)
    return key // max(n, 1), key % max(n, 1), count


def _ends(
    lead: Int64, code: npt.NDArray[np.int32], names: tuple[str, ...], mine: Bool
) -> Counter[tuple[str, str | None, str | None]]:
    """How many of these leads began, went on and ended so."""
    begins = np.ones(len(lead), dtype=bool)
    begins[1:] = (np.diff(lead) != 0) | (np.diff(code) != 0)
    rows = np.flatnonzero(begins & mine[lead])
    if not len(rows):
        return Counter()
    of_lead, which = lead[rows], code[rows]
    first = np.flatnonzero(np.append(True, np.diff(of_lead) != 0))
    length = np.diff(np.append(first, len(rows)))
    middle, last = first + length // 2, first + length - 1
    return Counter(
        (names[which[a]], names[which[b]] if n > 2 else None, names[which[c]] if n > 1 else None)
        for a, b, c, n in zip(first.tolist(), middle.tolist(), last.tolist(), length.tolist(), strict=True)
    )
