"""Examples for training and testing: leads at as-of times (landmarks) with what became of them.

Which landmarks a lead gets never depends on how or when it ended: they are planned over the whole block and kept while
the lead is open. Spread over each lead's own life instead, or weighted by the number that fit into it, short lives
would count too much and every hazard would come out too high.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.builder import Requests, build
from features.catalogue import Catalogue
from features.errors import InputError
from features.events import DAY, to_iso
from features.history import History
from features.lives import BOUGHT, Lives, lead_lives
from model.curves import Float
from model.frame import Endings, endings
from model.recording_delay import recording_delay

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
WEEK = 7 * DAY
_LEAST_PER_LEAD = 4


@dataclass(frozen=True, eq=False)
class Examples:
    """``n`` landmarks. ``lead_ids``, ``as_of`` (microseconds), ``outcome`` (0, 1, 2) and ``duration`` (days above 0).

    ``group``: a code for each lead. ``known_by``: until when leads were followed. ``X``: features, once built.
    """

    lead_ids: npt.NDArray[np.object_]
    as_of: Int64
    outcome: npt.NDArray[np.int8]
    duration: Float
    group: Int64
    known_by: int
    X: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def y(self) -> Endings:
        return endings(self.outcome, self.duration)

    @property
    def followed(self) -> Float:
        """(n,) days from each as-of time to ``known_by``: how long it could have been followed."""
        return np.asarray((self.known_by - self.as_of) / DAY)

    @property
    def features(self) -> pd.DataFrame:
        if self.X is None:
            raise InputError(
                where="examples", expected="examples with features", got="none", remedy="Call with_features"
            )
        return self.X

    def requests(self) -> Requests:
        return Requests(self.lead_ids.tolist(), self.as_of)

    def with_features(self, history: History, catalogue: Catalogue) -> Examples:
        return replace(self, X=build(history, self.requests(), catalogue))

    def rows(self, which: npt.NDArray[np.bool_] | Int64) -> Examples:
        return replace(
            self,
            lead_ids=self.lead_ids[which],
            as_of=self.as_of[which],
            outcome=self.outcome[which],
            duration=self.duration[which],
            group=self.group[which],
            X=None if self.X is None else self.X.iloc[np.arange(len(self))[which]].reset_index(drop=True),
        )


def training_landmarks(
    history: History,
    *,
    since: int,
    until: int,
    known_by: int,
    per_lead: int = 16,
    max_rows: int = 200_000,
    seed: int = 0,
    lag: int = 0,
) -> Examples:
    """Up to ``per_lead`` landmarks of each lead in [since, until), labels as known at ``known_by`` and cut ``lag``
    microseconds before (model.recording_delay).

    Three quarters of them lie at log-uniform ages, so that young leads are seen often, from half a day on at whole
    days of age, when scores are often wanted; the others on the weekly dates on which scores are made, thinned evenly.
    Drawn from the lead's id and the seed: which other leads there are makes no difference. Above ``max_rows`` each lead
    gets fewer, for landmarks of a lead are alike and other leads tell more; below 4 whole leads are left out.
    """
    lives = lead_lives(history, known_by).until(known_by - lag)
    begin = np.maximum(lives.entered_at, since)
    token = np.array([_token(lead_id, seed) for lead_id in history.lead_ids], dtype=np.uint64)
    planned = begin < until
    n_planned = int(planned.sum())
    per_lead = max(_LEAST_PER_LEAD, min(per_lead, max_rows // max(n_planned, 1)))
    if n_planned * per_lead > max_rows:
        planned &= _uniform(token, 1) < max_rows / (n_planned * per_lead)
    lead = np.flatnonzero(planned)
    span = (until - begin[lead]) / DAY
    by_date = per_lead // 4
    by_age = per_lead - by_date
    leads, times = [], []
    for k in range(by_age):
        # the draws are stratified, so that few of them cover young and old ages alike
        share = (k + _uniform(token[lead], 2 + k)) / by_age
        leads.append(lead)
        age = np.expm1(share * np.log1p(span))
        age = np.where(age < 0.5, age, np.rint(age))
        times.append(begin[lead] + (age * DAY).astype(np.int64))
    dates = _weekly_dates(since, until)
    of_lead = np.maximum((until - begin[lead]) / WEEK, 1.0)  # weekly dates ahead of it, about
    for k, date in enumerate(dates):
        drawn = (_uniform(token[lead], 1000 + k) < by_date / of_lead) & (begin[lead] <= date)
        leads.append(lead[drawn])
        times.append(np.full(int(drawn.sum()), date, dtype=np.int64))
    # whole days of age can be drawn twice, and be rounded up to the end of the block
    drawn_at = np.unique(np.stack([np.concatenate(leads), np.concatenate(times)]), axis=1)
    drawn_at = drawn_at[:, drawn_at[1] < until]
    return _examples(history, lives, drawn_at[0], drawn_at[1])


def weekly_landmarks(
    history: History, *, since: int, until: int, known_by: int, step: int = WEEK, lag: int = 0
) -> Examples:
    """All leads open on the fixed dates since, since + step, .. below ``until``, as scores are made in production.

    ``known_by``, ``lag``: as of ``training_landmarks``.
    """
    lives = lead_lives(history, known_by).until(known_by - lag)
    dates = _weekly_dates(since, until, step)
    lead = np.tile(np.arange(history.n_leads), len(dates))
    return _examples(history, lives, lead, np.repeat(dates, history.n_leads))


@dataclass(frozen=True, kw_only=True)
class Split:
    """Blocks of calendar time; microseconds. What is learned from lies before ``test_since`` and its labels are cut
    there, so nothing of it has happened in the block on which a model is judged: test landmarks lie in [test_since,
    test_until), with labels cut at ``known_by``.

    ``calibrate_since``, ``calibrate_until``: the newest of the learning time, as scores are made in production, and
    with a follow-up (``gap``) that even its last landmark has. The model learns from these leads too; what is measured
    on them comes from members that have not seen the lead (model.cross_fit).
    A lead that is still open goes on into the next block, as it does in production; to leave such leads out would
    either bias the training (long lives would be missing) or test on new leads alone.
    ``lag``: microseconds by which labels are cut earlier, for endings are recorded late (model.recording_delay).
    """

    train_since: int
    calibrate_since: int
    calibrate_until: int
    test_since: int
    test_until: int
    known_by: int
    lag: int = 0

    @property
    def gap(self) -> float:
        """Days."""
        return (self.test_since - self.lag - self.calibrate_until) / DAY

    def train(self, history: History, *, per_lead: int = 16, max_rows: int = 200_000, seed: int = 0) -> Examples:
        return training_landmarks(
            history,
            since=self.train_since,
            until=self.test_since,
            known_by=self.test_since,
            per_lead=per_lead,
            max_rows=max_rows,
            seed=seed,
            lag=self.lag,
        )

    def calibrate(self, history: History) -> Examples:
        return self._weekly(history, self.calibrate_since, self.calibrate_until, self.test_since)

    def test(self, history: History) -> Examples:
        return self._weekly(history, self.test_since, self.test_until, self.known_by)

    def _weekly(self, history: History, since: int, until: int, known_by: int) -> Examples:
        step = _step(since, until)
        return weekly_landmarks(history, since=since, until=until, known_by=known_by, step=step, lag=self.lag)


def calendar_split(history: History, *, known_by: int, longest: float, tested: bool = True) -> Split:
    """Blocks by calendar time for a history known until ``known_by``; ``longest``: the longest horizon in days.

    Test landmarks are followed for ``longest`` days, or for a quarter of a history that is shorter than four times
    that. Of the rest, the last 15 % are for testing and 30 % before that for calibration, with a follow-up of at
    least half of the longest horizon where there is room. Where endings are recorded late, all labels are cut earlier.
    InputError for a history of less than 28 days or, if it is to be ``tested``, without purchases to learn from.
    """
    known_by = min(known_by, int(history.known_at.max())) if history.n_events else known_by
    lag = round(recording_delay(history, known_by).lag * DAY)
    lives = lead_lives(history, known_by)
    entered = np.sort(lives.entered_at[lives.entered_at < known_by])
    if not len(entered):
        raise InputError(where="history", expected="leads with events", got="none")
    start = int(entered[len(entered) // 100])  # a stray early lead does not stretch the calendar
    days = (known_by - start) / DAY
    if days < 28:
        raise InputError(
            where="history",
            expected="at least 28 days of history to train, calibrate and test on",
            got=f"{days:.1f} days, {to_iso(start)} to {to_iso(known_by)}",
            remedy="Load a longer history",
        )
    days -= lag / DAY
    usable = days - min(longest, days / 4)
    block = 0.15 * usable
    test_until = start + usable * DAY
    test_since = test_until - block * DAY
    calibrate_until = test_since - lag - min(longest / 2, block) * DAY
    split = Split(
        train_since=int(entered[0]),
        calibrate_since=int(calibrate_until - 2 * block * DAY),
        calibrate_until=int(calibrate_until),
        test_since=int(test_since),
        test_until=int(test_until),
        known_by=known_by,
        lag=lag,
    )
    if tested:
        _check_purchases(history, split)
    return split


def learns_of_purchases(history: History, split: Split) -> bool:
    """Whether anybody bought before ``split.test_since``, the end of what is learned from."""
    lives = lead_lives(history, split.test_since)
    return bool(np.any((lives.outcome == BOUGHT) & (lives.ended_at > lives.entered_at)))


def _check_purchases(history: History, split: Split) -> None:
    if not learns_of_purchases(history, split):
        raise InputError(
            where="history",
            expected=f"purchases before {to_iso(split.test_since)}, the end of what is learned from",
            got="none",
            remedy="Load outcomes, or a longer history",
        )


def _examples(history: History, lives: Lives, lead: Int64, as_of: Int64) -> Examples:
    """Only landmarks at which the lead was known and open, and which were followed for a while."""
    keep = (lives.entered_at[lead] <= as_of) & (as_of < lives.ended_at[lead])
    lead, as_of = lead[keep], as_of[keep]
    order = np.lexsort((as_of, lead))
    lead, as_of = lead[order], as_of[order]
    return Examples(
        lead_ids=np.array(history.lead_ids, dtype=object)[lead],
        as_of=as_of,
        outcome=lives.outcome[lead],
        duration=(lives.ended_at[lead] - as_of) / DAY,
        group=lead.astype(np.int64),
        known_by=lives.known_by,
    )


def _weekly_dates(since: int, until: int, step: int = WEEK) -> Int64:
    """From the first midnight at or after ``since``."""
    first = -(-since // DAY) * DAY
    return np.arange(first if first < until else since, until, step, dtype=np.int64)


def _step(since: int, until: int) -> int:
    """A week; in a block of under three weeks as many days as give three dates."""
    return int(min(WEEK, max(DAY, (until - since) // (3 * DAY) * DAY)))


def _token(lead_id: str, seed: int) -> int:
    digest = hashlib.blake2b(lead_id.encode(), digest_size=8, salt=seed.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big")


def _uniform(token: UInt64, k: int) -> Float:
    """(n,) numbers within [0, 1): the k-th draw of each token (splitmix64)."""
    with np.errstate(over="ignore"):
        z = token + np.uint64(k + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53)
