"""Online Retail II (UCI): when a buyer buys again, at two origins.

A lead is a buyer's wait for the next purchase day. It opens at the midnight after a purchase day (a shop knows what a
day brought when it is over) and ends with the first line of the next purchase day; the next one opens after that. What
was known of the buyer comes along in two ways, as someone would do it who loads such tables with care:

- every earlier day on which the buyer bought or returned is an event of the new lead too, as it occurred then, but
  recorded when the lead opened: before that there was no such lead that could have been at risk;
- what the events do not say by themselves (amounts, gaps between purchase days) are columns of ``leads``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.prediction.datasets.histories import events_of, instant, micros, past, sampled, weekly_dates
from benchmarks.prediction.fold import Fold
from features.history import History
from model.examples import weekly_landmarks

HORIZONS = (7, 30, 90)
ORIGINS = ("2011-01-15", "2011-07-01")
FILES = ("online_retail_II_2009_2010.parquet", "online_retail_2010_2011_no_invoice.parquet")
MIDNIGHT = pd.Timedelta(days=1)


def find_data(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of both files: under LEADTIME_DATA, else under ../shared/data beside the checkout. None if absent."""
    checkout = Path(__file__).resolve().parents[3]
    folder = Path(environment.get("LEADTIME_DATA") or checkout.parent / "shared" / "data") / "online_retail"
    return folder if all((folder / name).is_file() for name in FILES) else None


def read_lines(folder: Path) -> pd.DataFrame:
    """``customer, at, product, quantity, price, country``: a row for each line of a known customer, in order of time.

    Of the days that both files have, the second's lines are kept.
    """
    first = pd.read_parquet(folder / FILES[0]).rename(columns={"Price": "UnitPrice", "Customer ID": "CustomerID"})
    second = pd.read_parquet(folder / FILES[1])
    first["InvoiceDate"] = pd.to_datetime(first["InvoiceDate"], format="ISO8601")
    first = first[first["InvoiceDate"] < second["InvoiceDate"].min().normalize()]
    both = pd.concat([first, second], ignore_index=True)
    both = both[both["CustomerID"].notna()]
    lines = pd.DataFrame(
        {
            "customer": both["CustomerID"].astype("int64").astype("str"),
            "at": both["InvoiceDate"].dt.tz_localize("UTC").astype("datetime64[us, UTC]"),
            "product": both["Description"].fillna(""),
            "quantity": both["Quantity"].astype("float64"),
            "price": both["UnitPrice"].astype("float64"),
            "country": both["Country"].astype("str"),
        }
    )
    return lines.sort_values(["customer", "at"], kind="stable", ignore_index=True)


def daily(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Purchase days and return days of each customer: ``customer, day, first, last`` and what the day was worth.

    Lines with a quantity or price at or below zero are no purchases; those with a quantity below zero are returns.
    """
    lines = lines.assign(day=lines["at"].dt.normalize(), amount=lines["quantity"] * lines["price"])
    bought = lines[(lines["quantity"] > 0) & (lines["price"] > 0)]
    returned = lines[(lines["quantity"] < 0) & (lines["price"] > 0)]
    found = []
    for rows in (bought, returned):
        days = rows.groupby(["customer", "day"], sort=True).agg(
            first=("at", "min"),
            last=("at", "max"),
            amount=("amount", "sum"),
            lines=("amount", "size"),
            items=("quantity", "sum"),
            products=("product", "nunique"),
            country=("country", "last"),
        )
        found.append(days.reset_index())
    return found[0], found[1]


def tables(bought: pd.DataFrame, returned: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The interchange tables: a lead for each purchase day, ``customer#k`` for the wait after the k-th."""
    waits = _waits(bought)
    columns = ["customer", "day", "last", "amount", "lines", "items", "products"]
    events = pd.concat(
        [bought[columns].assign(type="purchase_day"), returned[columns].assign(type="return_day")], ignore_index=True
    )
    events = events.merge(waits[["customer", "lead_id", "created_at", "ended_at"]], on="customer")
    # of a wait that has ended, only what was known by then; one that has not takes all days
    events = events[events["ended_at"].isna() | (events["day"] + MIDNIGHT < events["ended_at"])]
    known = events["day"] + MIDNIGHT
    events = pd.DataFrame(
        {
            "lead_id": events["lead_id"],
            "type": events["type"],
            "timestamp": events["last"],
            "recorded_at": known.where(known > events["created_at"], events["created_at"]),
            **{name: events[name] for name in ("amount", "lines", "items", "products")},
        }
    ).reset_index(drop=True)
    ended = waits[waits["ended_at"].notna()]
    outcomes = pd.DataFrame({"lead_id": ended["lead_id"], "outcome": "purchased", "at": ended["ended_at"]})
    leads = waits.drop(columns=["customer", "ended_at"]).assign(account_id=waits["customer"])
    return {"leads": leads, "events": events, "outcomes": outcomes.reset_index(drop=True)}


def _waits(bought: pd.DataFrame) -> pd.DataFrame:
    """A row for each purchase day: the lead that opens after it, when that ends (NaT: not yet), and its attributes."""
    of = bought.groupby("customer", sort=False)
    number = of.cumcount() + 1
    gap = of["day"].diff().dt.total_seconds() / 86_400
    gaps = gap.groupby(bought["customer"], sort=False)
    total = of["amount"].cumsum()
    return pd.DataFrame(
        {
            "lead_id": bought["customer"] + "#" + number.astype("str"),
            "customer": bought["customer"],
            "created_at": bought["day"] + MIDNIGHT,
            "ended_at": of["first"].shift(-1),
            "country": bought["country"],
            "purchase_days": number,
            "last_amount": bought["amount"].round(2),
            "mean_amount": (total / number).round(2),
            "last_products": bought["products"],
            "last_gap": gap,
            "mean_gap": gaps.expanding().mean().droplevel(0),
            "median_gap": gaps.expanding().median().droplevel(0),
            "gap_deviation": gaps.expanding(min_periods=2).std().droplevel(0),
        }
    )


def folds(folder: Path | None = None, *, origins: tuple[str, ...] = ORIGINS) -> Iterator[Fold]:
    """A fold an origin, its test rows on four weekly dates from it on. None where the files are absent."""
    folder = folder or find_data()
    if folder is None:
        return
    lines = read_lines(folder)
    end = instant(lines["at"].max())
    events = events_of(tables(*daily(lines)), now=end)
    history = History.from_table(events)
    for origin in origins:
        known = past(events, origin=micros(origin), longest=HORIZONS[-1])
        since = micros(origin)
        test = weekly_landmarks(history, since=since, until=weekly_dates(since), known_by=end)
        buyers = np.array([lead.split("#")[0] for lead in test.lead_ids.tolist()])
        test = sampled(test, buyers).with_features(history, known.catalogue)
        yield Fold(
            dataset="online_retail",
            origin=origin,
            horizons=HORIZONS,
            learn=known.learn,
            train=known.train,
            calibrate=known.calibrate,
            test=test,
            groups=np.array([lead.split("#")[0] for lead in test.lead_ids.tolist()]),
            catalogue=known.catalogue,
            notes=("waits of buyers for their next purchase day, open on four weekly dates",),
        )
