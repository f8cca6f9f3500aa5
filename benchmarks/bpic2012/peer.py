"""The peer's view of a case, and its score, which has no time of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.bpic2012.log import Adapted
from benchmarks.bpic2012.naive_bayes import NaiveBayes

STAGES = ("A_SUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "A_FINALIZED", "O_SENT", "O_SENT_BACK", "W_Valideren aanvraag")
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class View:
    """What the peer sees of ``n`` rows: text fields, the furthest stage, one mask for each tag."""

    fields: pd.DataFrame
    stage: npt.NDArray[np.int64]
    tags: dict[str, npt.NDArray[np.bool_]]


def view(adapted: Adapted, asked: pd.DataFrame) -> View:
    """The rows of ``asked`` (lead_id, as_of) as the events up to as_of show them. Numbers are cut into bins."""
    rows = asked.reset_index(drop=True).assign(row=np.arange(len(asked)))
    events = adapted.events.assign(activity=adapted.events["type"].str.partition("|")[0])
    seen = rows.merge(events, on="lead_id")
    seen = seen[seen["timestamp"] <= seen["as_of"]].sort_values(["row", "timestamp", "event_id"])
    reached = seen["activity"].map({name: i for i, name in enumerate(STAGES)}).fillna(0)
    stage = reached.groupby(seen["row"]).max().reindex(rows["row"], fill_value=0).to_numpy().astype(np.int64)
    last = seen.groupby("row")["owner"].last().reindex(rows["row"])
    leads = adapted.leads.set_index("lead_id")
    created = rows["lead_id"].map(leads["created_at"])
    count = seen.groupby("row").size().reindex(rows["row"], fill_value=0)
    silent = rows["as_of"] - seen.groupby("row")["timestamp"].last().reindex(rows["row"]).set_axis(rows.index)
    fields = pd.DataFrame(
        {
            "amount": _bin(rows["lead_id"].map(leads["amount_req"]), (5000, 7500, 10000, 15000, 25000)),
            "owner": last.astype("string").fillna("none").to_numpy(dtype=object),
            "weekday": created.dt.day_of_week.astype(str),
            "hour": _bin(created.dt.hour, (8, 12, 17, 21)),
            "age": _bin((rows["as_of"] - created).dt.total_seconds() / 86_400, (2, 5, 10, 17, 30)),
            "events": _bin(count, (5, 10, 20, 30, 45)),
            "silence": _bin(silent.dt.total_seconds() / 86_400, (0.5, 1, 3, 7, 14)),
        }
    )
    has = pd.crosstab(seen["row"], seen["activity"]).reindex(rows["row"], fill_value=0) > 0
    return View(fields, stage, {str(name): has[name].to_numpy() for name in has})


def _bin(values: pd.Series, edges: tuple[float, ...]) -> npt.NDArray[np.object_]:
    index = np.searchsorted(edges, values.to_numpy(dtype=np.float64), side="right")
    return np.array([str(i) for i in index], dtype=object)


def fit_peer(adapted: Adapted, closed: pd.DataFrame, won: npt.NDArray[np.bool_]) -> NaiveBayes:
    """The counts over closed leads as seen at their ``as_of``."""
    known = view(adapted, closed)
    return NaiveBayes.fit(known.fields, known.stage, known.tags, won, stages=STAGES)


def score_peer(peer: NaiveBayes, seen: View) -> Float:
    """(n,): its percentages. A tag that no row of ``seen`` carries counts as absent."""
    absent = np.zeros(len(seen.fields), dtype=bool)
    return peer.score(seen.fields, seen.stage, {name: seen.tags.get(name, absent) for name in peer.counts["tags"]})
