"""The negative control as interchange tables.

The data hold totals for each organisation, not times: every activity is laid evenly over the organisation's active
days, between its first and its last day with an event. An organisation is a lead, a conversion a purchase.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError

FIRST_ACTIVITY = "Absence.Request.Approved"  # from this column on, each column counts one activity
NEEDED = ("organization_id", "trial_start", "converted_at", "active_days", "first_event_day", "last_event_day")
END = "2024-05-13"  # after the last conversion; who has not converted by then is open


def find_data(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file: under LEADTIME_DATA, else under ../shared/data beside the checkout. None where absent."""
    checkout = Path(__file__).resolve().parents[2]
    folder = Path(environment.get("LEADTIME_DATA") or checkout.parent / "shared" / "data")
    found = folder / "negative_control" / "org_features.csv"
    return found if found.is_file() else None


def read(path: Path) -> pd.DataFrame:
    """The organisations, times in UTC. InputError where columns are missing."""
    found = pd.read_csv(path, dtype={"organization_id": "str"})
    missing = [name for name in (*NEEDED, FIRST_ACTIVITY) if name not in found.columns]
    if missing:
        raise InputError(where=str(path), expected=f"columns {', '.join(NEEDED)}", got=f"none named {missing[0]}")
    for name in ("trial_start", "converted_at"):
        found[name] = pd.to_datetime(found[name], utc=True)
    return found


def tables(found: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """``leads``, ``events`` and ``outcomes``. Events at or after the conversion are left out."""
    won = found[found["converted_at"].notna()]
    return {
        "leads": pd.DataFrame({"lead_id": found["organization_id"], "created_at": found["trial_start"]}),
        "events": _events(found),
        "outcomes": pd.DataFrame(
            {"lead_id": won["organization_id"], "outcome": "purchased", "at": won["converted_at"]}
        ),
    }


def _events(found: pd.DataFrame) -> pd.DataFrame:
    activities = list(found.columns[found.columns.get_loc(FIRST_ACTIVITY) :])
    count = found[activities].to_numpy(dtype=np.int64)
    row, activity = (np.repeat(place.ravel(), count.ravel()) for place in np.indices(count.shape))
    number = np.concatenate([np.arange(n) for n in count.ravel()])
    days = found["active_days"].to_numpy()[row]
    first, last = (found[name].to_numpy()[row] for name in ("first_event_day", "last_event_day"))
    day = first + np.round((number % days) * (last - first) / np.maximum(days - 1, 1))
    start = found["trial_start"].dt.tz_localize(None).to_numpy()[row]
    at = start + (day * 86_400 + 60 * (number // days + 1)).astype("timedelta64[s]")
    events = pd.DataFrame(
        {
            "lead_id": found["organization_id"].to_numpy()[row],
            "type": np.array(activities)[activity],
            "timestamp": pd.to_datetime(at, utc=True),
        }
    )
    ended = found["converted_at"].dt.tz_localize(None).to_numpy()[row]
    kept: pd.DataFrame = events[np.isnat(ended) | (at < ended)]
    return kept.reset_index(drop=True)


def write(made: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Each table as ``<name>.csv`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in made.items():
        written = table.copy()
        for column in written.select_dtypes("datetimetz"):
            written[column] = written[column].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        written.to_csv(folder / f"{name}.csv", index=False)
