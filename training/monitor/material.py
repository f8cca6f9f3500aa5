"""What the watch looks at: the log, the serving model, and what was forecast week by week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from features.builder import Requests, build_matrix
from features.errors import InputError
from features.events import DAY, ENDINGS, HANDOFF, parse_time
from features.history import History
from features.lives import OPEN, Lives, lead_lives, standings, told_something
from features.store.monitoring import Forecast
from features.traits import known_traits
from model.curves import Float
from model.measurement.journeys import account_codes
from model.scorer import Scorer
from model.watching.forecasts import NO_DAY, STEP, Forecasts, Int64, dates

MOST = 5_000  # leads of one date; of more as many are drawn
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Material:
    """``learned_until``: the newest that the model can have seen. ``settled``: until when endings are on record.

    ``reference``: the market up to then is what today's is compared with (training.monitor.reference).
    """

    history: History
    lives: Lives
    account: Int64
    scorer: Scorer
    learned_until: int
    settled: int
    now: int
    reference: int

    @classmethod
    def of(cls, history: History, scorer: Scorer, now: int) -> Material:
        """With all that the model has learned as its reference."""
        known_by = scorer.notes.get("train_known_by")
        if known_by is None:
            raise InputError(
                where="model",
                expected="a model that says until when it has learned",
                got=f"version {scorer.version} without that note",
                remedy="Train a new one: python -m training.train",
            )
        learned_until = parse_time(known_by)
        return cls(
            history=history,
            lives=lead_lives(history, now),
            account=account_codes(history.lead_ids, known_traits(history, now)),
            scorer=scorer,
            learned_until=learned_until,
            # nothing is known of the days after the newest event: that nobody bought on them is no news
            settled=min(now - recording_delay(history), newest_event(history, now)),
            now=now,
            reference=learned_until,
        )

    def open_at(self, as_of: int) -> list[str]:
        """The leads that had a score then: known and open, by what is known now, and more known than who they are."""
        lives = self.lives
        there = np.flatnonzero((lives.entered_at <= as_of) & ((lives.ended_at > as_of) | (lives.outcome == OPEN)))
        # what had ended already may have been recorded later; nobody would have asked for what was known as ended
        moment = np.full(len(there), as_of, dtype=np.int64)
        known = standings(self.history, there, moment) == OPEN
        there = there[known & told_something(self.history, there, moment)]
        if len(there) > MOST:
            there = np.sort(np.random.default_rng(as_of // DAY).choice(there, MOST, replace=False))
        return [self.history.lead_ids[i] for i in there]

    def features(self, as_of: int) -> Float:
        """(n, p) of the leads open then, as ``build_matrix`` encodes them."""
        leads = self.open_at(as_of)
        requests = Requests(leads, np.full(len(leads), as_of, dtype=np.int64))
        return build_matrix(self.history, requests, self.scorer.catalogue)


def newest_event(history: History, now: int) -> int:
    """When the newest was known that the service did not write itself; ``now`` without any."""
    return int(history.known_at[~history.of_types(HANDOFF)].max(initial=0)) or now


def recording_delay(history: History) -> int:
    """Microseconds within which nine of ten endings were recorded."""
    late = (history.recorded_at - history.occurred_at)[history.of_types(*ENDINGS)]
    return int(max(np.quantile(late, 0.9, method="higher"), 0)) if len(late) else 0


def forecast(material: Material, as_of: int) -> list[Forecast]:
    """What the model says of every lead that was open then, from what was recorded then."""
    scorer, leads = material.scorer, material.open_at(as_of)
    moments = np.full(len(leads), as_of, dtype=np.int64)
    matrix = build_matrix(material.history, Requests(leads, moments), scorer.catalogue)
    if not leads:
        return []
    columns = scorer.score_columns(leads, moments, matrix, reasons=False)
    if STEP in scorer.horizons:
        weekly = columns[f"p_{STEP}"]
    else:
        weekly = scorer.curves(matrix, moments).at([float(STEP)])[0][:, 0]
    chance = np.column_stack([columns[f"p_{h}"] for h in scorer.horizons])
    return [
        Forecast(as_of, lead, scorer.version, *row)
        for lead, *row in zip(
            leads,
            weekly.tolist(),
            [dict(zip(map(str, scorer.horizons), p, strict=True)) for p in chance.tolist()],
            map(_day, columns["window_start"]),
            map(_day, columns["window_end"]),
            strict=True,
        )
    ]


def gather(material: Material, kept: Mapping[int, Sequence[Forecast]], *, since: int) -> tuple[Forecasts, int]:
    """All forecasts from ``since`` on: those kept, the rest replayed for dates that the model has not learned from.

    Second: how many dates were replayed. Kept ones before what ``since`` says are left out.
    """
    begins = max(since, material.learned_until)
    rows: list[Forecast] = []
    replayed = 0
    for at, was_kept in dates([at for at in kept if at >= since], since=begins, now=material.now):
        rows.extend(kept[at] if was_kept else forecast(material, at))
        replayed += not was_kept
    return _joined(material, rows), replayed


def _joined(material: Material, rows: Sequence[Forecast]) -> Forecasts:
    """Forecasts with what became of their leads; without those of leads that had ended or are not known any more."""
    index, lives, horizons = material.history.lead_index, material.lives, material.scorer.horizons
    lead = np.array([index.get(row.lead_id, -1) for row in rows], dtype=np.int64)
    as_of = np.array([row.as_of for row in rows], dtype=np.int64)
    there = np.flatnonzero((lead >= 0) & (lives.ended_at[lead] > as_of) if len(rows) else np.empty(0, dtype=bool))
    used = [rows[i] for i in there.tolist()]
    lead = lead[there]
    # a horizon that an earlier model did not have is not judged on its forecasts
    chance = [[row.chances.get(str(h), np.nan) for h in horizons] for row in used]
    return Forecasts(
        as_of=as_of[there],
        lead=lead,
        account=material.account[lead],
        weekly=np.array([row.weekly for row in used], dtype=np.float64),
        chance=np.array(chance, dtype=np.float64).reshape(len(used), len(horizons)),
        horizons=horizons,
        first_day=_days([row.first_day for row in used]),
        last_day=_days([row.last_day for row in used]),
        ended_at=lives.ended_at[lead],
        outcome=lives.outcome[lead],
        known_by=material.settled,
    )


def _day(value: date | None) -> int | None:
    return None if value is None else (value - _EPOCH).days


def _days(values: Sequence[int | None]) -> npt.NDArray[np.int64]:
    return np.array([NO_DAY if value is None else value for value in values], dtype=np.int64)
