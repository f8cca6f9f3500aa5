"""The BPI Challenge 2012 log (4TU.ResearchData) as interchange tables.

A case is a lead, an application approved is a purchase, one declined or cancelled is lost. What is left out, and
why, is counted in ``Adapted.left_out``: nothing is dropped in silence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.errors import InputError

WON = ("A_APPROVED", "A_REGISTERED", "A_ACTIVATED")
GONE = ("A_DECLINED", "A_CANCELLED")
LEAK = pd.Timedelta(seconds=60)  # the activities of the ending are written within seconds of one another
COLUMNS = ("case_id", "reg_date", "amount_req", "activity", "lifecycle", "resource", "timestamp", "event_index")


def find_data(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The flattened log: under LEADTIME_DATA, else under ../shared/data beside the checkout. None where absent."""
    checkout = Path(__file__).resolve().parents[2]
    folder = Path(environment.get("LEADTIME_DATA") or checkout.parent / "shared" / "data")
    found = folder / "bpic2012" / "bpic2012_events.csv.gz"
    return found if found.is_file() else None


@dataclass(frozen=True, eq=False)
class Adapted:
    """The interchange tables, the end of the log, and how many rows were left out for each reason."""

    leads: pd.DataFrame
    events: pd.DataFrame
    outcomes: pd.DataFrame
    end: pd.Timestamp
    left_out: dict[str, int]

    def write(self, folder: Path) -> None:
        """``leads.csv``, ``events.csv`` and ``outcomes.csv`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("leads", "events", "outcomes"):
            table: pd.DataFrame = getattr(self, name)
            written = table.copy()
            for column in written.select_dtypes("datetimetz"):
                written[column] = written[column].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            written.to_csv(folder / f"{name}.csv", index=False)


def read_log(path: Path) -> pd.DataFrame:
    """The rows of the flattened log, times in UTC (they mix +01:00 and +02:00), by case and ``event_index``."""
    log = pd.read_csv(path, dtype={"case_id": "str", "resource": "Int64"})
    missing = [name for name in COLUMNS if name not in log.columns]
    if missing:
        raise InputError(where=str(path), expected=f"columns {', '.join(COLUMNS)}", got=f"none named {missing[0]}")
    for name in ("timestamp", "reg_date"):
        log[name] = pd.to_datetime(log[name], utc=True, format="ISO8601")
    return log.sort_values(["case_id", "event_index"], ignore_index=True)


def endings(log: pd.DataFrame) -> pd.DataFrame:
    """For each case that ended: ``outcome``, ``at`` and ``reason`` of the first activity that ends it."""
    rows = log[log["activity"].isin(WON + GONE)]
    first = rows.loc[rows.groupby("case_id")["timestamp"].idxmin()].set_index("case_id")
    return pd.DataFrame(
        {
            "outcome": first["activity"].isin(WON).map({True: "purchased", False: "lost"}),
            "at": first["timestamp"],
            "reason": first["activity"],
        }
    )


def adapt(log: pd.DataFrame) -> Adapted:
    """The tables. Event types are ``activity|lifecycle``, the resource is the property ``owner``."""
    ended = endings(log)
    ended_at = log["case_id"].map(ended["at"])
    before = ended_at.isna() | (log["timestamp"] < ended_at - LEAK)
    kept = log[before]
    started = log.groupby("case_id")[["timestamp", "amount_req"]].first()
    seen = started.index[started.index.isin(kept["case_id"])]
    leads = pd.DataFrame(
        {"lead_id": seen, "created_at": started.loc[seen, "timestamp"], "amount_req": started.loc[seen, "amount_req"]}
    ).reset_index(drop=True)
    # zero-padded, so that events of the same instant keep the order of the log
    event_id = kept["case_id"] + "-" + kept["event_index"].astype(str).str.zfill(4)
    events = pd.DataFrame(
        {
            "event_id": event_id,
            "lead_id": kept["case_id"],
            "type": kept["activity"] + "|" + kept["lifecycle"],
            "timestamp": kept["timestamp"],
            "owner": kept["resource"],
        }
    ).reset_index(drop=True)
    outcomes = ended[ended.index.isin(seen)].rename_axis("lead_id").reset_index()
    unseen = ended[~ended.index.isin(seen)]
    after = int((~before & (log["timestamp"] > ended_at)).sum())
    return Adapted(
        leads=leads,
        events=events,
        outcomes=outcomes,
        end=log["timestamp"].max(),
        left_out={
            "events from 60 s before the ending up to it (they tell it)": int((~before).sum()) - after,
            "events after the ending": after,
            "cases that ended before anything could be seen of them": len(unseen),
        },
    )


def requests(adapted: Adapted, *, days: tuple[int, ...], start: pd.Timestamp, follow_up: int) -> pd.DataFrame:
    """``lead_id, as_of, day``: every case at each of ``days`` after its first event, if that is at ``start`` or later.

    A case is asked about while it is open and at least ``follow_up`` days before the log ends.
    """
    leads = adapted.leads
    ended_at = leads["lead_id"].map(adapted.outcomes.set_index("lead_id")["at"])
    parts = []
    for day in days:
        as_of = leads["created_at"] + pd.Timedelta(days=day)
        asked = (ended_at.isna() | (ended_at > as_of)) & (as_of >= start)
        asked &= as_of <= adapted.end - pd.Timedelta(days=follow_up)
        parts.append(pd.DataFrame({"lead_id": leads["lead_id"][asked], "as_of": as_of[asked], "day": day}))
    return pd.concat(parts, ignore_index=True)


def answers(adapted: Adapted, asked: pd.DataFrame) -> pd.DataFrame:
    """``duration`` in days and ``outcome`` (0, 1, 2) for each request, as known at the end of the log."""
    known = adapted.outcomes.set_index("lead_id")
    at = asked["lead_id"].map(known["at"])
    code = asked["lead_id"].map(known["outcome"]).map({"purchased": 1, "lost": 2}).fillna(0).astype(int)
    duration = (at.fillna(adapted.end) - asked["as_of"]).dt.total_seconds() / 86_400
    return pd.DataFrame({"duration": duration, "outcome": code})
