"""What could be seen of each lead on each day: curves by a model that has learned from other leads and earlier days.

A third of the accounts is learned from; on the others of the past the constants of the rules are chosen. So both are
honest, and a model is trained only once for each history.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.backtest.sources import Source, load
from features.builder import Requests, build_matrix
from features.events import DAY
from features.history import History
from features.lives import lead_lives
from features.settings import Settings
from model.curves import Curves, Float
from model.examples import calendar_split
from model.person_period import DEADLINE
from model.replay.rows import Bool, Rows, replay_rows
from model.scorer import Scorer, deal_values
from training.backtest.calendar import plan
from training.backtest.replay import as_known
from training.fitting import fit, serving_split

_FORMAT = 1
_AT_A_TIME = 20_000
_LEARNED = 3  # of so many accounts one is learned from


@dataclass(frozen=True, eq=False)
class Looks:
    """n looks at m leads (``rows``) and what was seen then, (n,): ``readiness``; ``deadline`` days ahead and ``value``,
    NaN where there is none; ``life`` days since the lead was first seen. ``truth``: the best curves, if known; NaN
    where the lead had ended and nobody knew.
    """

    rows: Rows
    curves: Curves
    readiness: Float
    deadline: Float
    value: Float
    life: Float
    truth: Curves | None = None

    def of(self, which: Bool) -> Looks:
        return Looks(
            self.rows.rows(which),
            self.curves.rows(which),
            self.readiness[which],
            self.deadline[which],
            self.value[which],
            self.life[which],
            None if self.truth is None else self.truth.rows(which),
        )


_BY_ROW = ("readiness", "deadline", "value", "life")


@dataclass(frozen=True, eq=False)
class Seen:
    """One history. ``past``: leads whose ends were known at ``origin``, for choosing; ``looks``: every look at every
    lead from ``origin`` on; ``arrived``: (n,) those at leads that came in during the first half of the replay.
    """

    name: str
    seed: int
    origin: int
    longest: float
    past: Looks
    looks: Looks
    arrived: Bool


def seen(name: str, seed: int, cache: Path) -> Seen | None:
    """From the cache, if it is there; None where the data are absent."""
    file = cache / f"{name}-{seed}-{_FORMAT}.npz"
    if not file.is_file():
        source = load(name, seed)
        if source is None:
            return None
        cache.mkdir(parents=True, exist_ok=True)
        _write(file, _look(source))
    return _read(file, name, seed)


def _look(source: Source) -> Seen:
    settings = Settings(horizons=source.horizons)
    longest = float(source.horizons[-1])
    history = History.from_table(source.events)
    calendar = plan(history, known_by=source.known_by, longest=int(longest), folds=1, retrain_days=source.replayed_days)
    origin = calendar.since
    known = as_known(source.events, origin)
    learned = np.array([_drawn(source.account[lead], source.seed) for lead in history.lead_ids])
    names = pa.array([lead for lead, own in zip(history.lead_ids, learned, strict=True) if own])
    own = as_known(source.events.filter(pc.is_in(source.events["lead_id"], value_set=names)), origin)
    split = serving_split(calendar_split(own, known_by=origin, longest=int(longest)))
    scorer = fit(own, split, settings, seed=source.seed, version="").scorer
    until = (origin - int(longest) * DAY) // DAY * DAY
    since = max(calendar.begins // DAY * DAY, until - int(2 * longest) * DAY)
    others = np.flatnonzero(~np.isin(known.lead_ids, names.to_numpy(zero_copy_only=False)))
    past = replay_rows(
        known,
        lead_lives(known, origin),
        since=since,
        enter_until=max(until - int(longest) * DAY, since + (until - since) // 2),
        until=until,
        leads=others,
    )
    lives = lead_lives(history, source.known_by)
    first = calendar.begins // DAY * DAY
    every = replay_rows(history, lives, since=first, enter_until=calendar.until, until=calendar.until)
    every = every.rows(every.as_of >= origin)
    entered = lives.entered_at[every.lead]
    return Seen(
        name=source.name,
        seed=source.seed,
        origin=origin,
        longest=longest,
        past=_looks(past, known, scorer, None),
        looks=_looks(every, history, scorer, source, entered >= origin),
        arrived=(entered >= origin) & (entered < calendar.enter_until),
    )


def _drawn(account: str, seed: int) -> bool:
    digest = hashlib.blake2b(f"{seed} {account}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _LEARNED == 0


def _looks(rows: Rows, history: History, scorer: Scorer, source: Source | None, newer: Bool | None = None) -> Looks:
    """``newer``: the rows for which the truth is asked, which takes long."""
    names = np.array(history.lead_ids, dtype=object)[rows.lead]
    curves, deadline, value = [], [], []
    for i in range(0, len(rows), _AT_A_TIME):
        part = slice(i, i + _AT_A_TIME)
        matrix = build_matrix(history, Requests(names[part].tolist(), rows.as_of[part]), scorer.catalogue)
        curves.append(scorer.curves(matrix, rows.as_of[part]))
        value.append(deal_values(scorer.catalogue, matrix))
        known = DEADLINE in scorer.catalogue.names
        deadline.append(matrix[:, scorer.catalogue.names.index(DEADLINE)] if known else np.full(len(matrix), np.nan))
    made = Curves(curves[0].days, *(np.concatenate([getattr(c, k) for c in curves]) for k in ("purchased", "lost")))
    truth = None
    if source is not None and source.truth is not None and newer is not None:
        asked = np.flatnonzero(newer)
        found = source.truth(names[asked].tolist(), rows.as_of[asked]).at(made.days)
        both = [np.full(made.purchased.shape, np.nan) for _ in found]
        for whole, some in zip(both, found, strict=True):
            whole[asked] = some
        truth = Curves(made.days, *both)
    seen_at = history.occurred_at[history.start[rows.lead]]
    readiness = scorer.readiness.of(made.at([scorer.ready_horizon])[0][:, 0])
    life = (rows.as_of - seen_at) / DAY
    return Looks(rows, made, readiness, np.concatenate(deadline), np.concatenate(value), np.asarray(life), truth)


def _write(file: Path, found: Seen) -> None:
    arrays: dict[str, npt.NDArray[np.generic]] = {"arrived": found.arrived, "days": found.past.curves.days}
    arrays |= {"origin": np.array(found.origin), "longest": np.array(found.longest)}
    for part, looks in (("past", found.past), ("looks", found.looks)):
        arrays |= {f"{part}-rows-{f.name}": np.asarray(getattr(looks.rows, f.name)) for f in fields(Rows)}
        arrays |= {f"{part}-{name}": getattr(looks, name) for name in _BY_ROW}
        for kind, curves in (("curves", looks.curves), ("truth", looks.truth)):
            if curves is not None:
                arrays[f"{part}-{kind}-purchased"] = curves.purchased.astype(np.float32)
                arrays[f"{part}-{kind}-lost"] = curves.lost.astype(np.float32)
    partial = file.with_name(f".{file.name}")
    with partial.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    partial.replace(file)


def _read(file: Path, name: str, seed: int) -> Seen:
    with np.load(file) as data:
        read = {key: data[key] for key in data.files}

    def looks(part: str) -> Looks:
        rows = {f.name: read[f"{part}-rows-{f.name}"] for f in fields(Rows)}
        rows["step"] = int(rows["step"])
        made = {
            kind: Curves(
                read["days"],
                read[f"{part}-{kind}-purchased"].astype(np.float64),
                read[f"{part}-{kind}-lost"].astype(np.float64),
            )
            for kind in ("curves", "truth")
            if f"{part}-{kind}-purchased" in read
        }
        by_row = [read[f"{part}-{name}"] for name in _BY_ROW]
        return Looks(Rows(**rows), made["curves"], by_row[0], by_row[1], by_row[2], by_row[3], made.get("truth"))

    return Seen(name, seed, int(read["origin"]), float(read["longest"]), looks("past"), looks("looks"), read["arrived"])
