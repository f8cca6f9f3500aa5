"""The one feature builder: what could be seen of a lead at a time, for a million rows or for one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.catalogue import Catalogue
from features.errors import InputError
from features.events import Event
from features.history import History, Int64
from features.kernel import fill_rows
from features.prepared import prepare

_ROWS_PER_TASK = 4_096

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Requests:
    """Which rows are wanted: a lead and an as-of time (microseconds since 1970 UTC) each.

    Any order; the same lead and the same row may come several times.
    """

    lead_ids: Sequence[str]
    as_of: Int64

    def __post_init__(self) -> None:
        as_of = np.asarray(self.as_of)
        if as_of.ndim != 1 or as_of.dtype.kind not in "iu" or len(as_of) != len(self.lead_ids):
            raise InputError(
                where="requests",
                expected=f"as many whole numbers (microseconds since 1970) as leads, {len(self.lead_ids)}",
                got=f"{as_of.dtype} of shape {as_of.shape}",
            )

    def __len__(self) -> int:
        return len(self.lead_ids)


def build_matrix(history: History, requests: Requests, catalogue: Catalogue, *, threads: int | None = None) -> Float64:
    """The features (n, p), rows in the order of the requests, columns in that of the catalogue.

    NaN: missing. A categorical is the index of its level, the rest class coming last. Nothing that occurred or was
    recorded after a row's as_of is seen in it. A lead without any visible event has counts of 0, else NaN.
    A row is the same to the bit whatever else is asked for with it. ``threads``: as many as there are cores if None.
    """
    plan = catalogue.plan
    prepared = prepare(history, plan)
    n = len(requests)
    index = history.lead_index
    leads = np.fromiter((index.get(lead_id, -1) for lead_id in requests.lead_ids), dtype=np.int64, count=n)
    as_of = np.require(requests.as_of, np.int64, ["C", "W"])
    out = np.empty((n, len(catalogue.features)))

    def fill(low: int, high: int) -> None:
        asked = (leads, as_of)
        fill_rows(
            out, low, high, *asked, prepared.events, prepared.texts, prepared.accounts, plan.program, prepared.n_local
        )

    n_tasks = -(-n // _ROWS_PER_TASK)
    if n_tasks <= 1:
        fill(0, n)
        return out
    workers = min(threads or os.cpu_count() or 1, n_tasks)
    with ThreadPoolExecutor(workers) as pool:
        tasks = [pool.submit(fill, low, min(low + _ROWS_PER_TASK, n)) for low in range(0, n, _ROWS_PER_TASK)]
    for task in tasks:
        task.result()
    return out


def build(history: History, requests: Requests, catalogue: Catalogue, *, threads: int | None = None) -> pd.DataFrame:
    """``build_matrix`` as a frame: float64 columns, and a pandas Categorical where the catalogue has levels."""
    return to_frame(build_matrix(history, requests, catalogue, threads=threads), catalogue)


def to_frame(matrix: Float64, catalogue: Catalogue) -> pd.DataFrame:
    """The matrix of ``build_matrix`` as a frame; its numeric columns share the memory of the matrix."""
    dtypes = catalogue.category_dtypes
    n_numeric = len(catalogue.names) - len(dtypes)
    names = list(catalogue.names[:n_numeric])
    numeric = pd.DataFrame(matrix[:, :n_numeric], columns=names, copy=False)
    if not dtypes:
        return numeric
    codes = np.nan_to_num(matrix[:, n_numeric:], nan=-1.0).astype(np.int32)
    categories = {
        name: pd.Categorical.from_codes(codes[:, column], dtype=dtype, validate=False)
        for column, (name, dtype) in enumerate(dtypes.items())
    }
    return pd.concat([numeric, pd.DataFrame(categories)], axis=1)


def warm_up(catalogue: Catalogue) -> None:
    """Compile all that a request needs, or load it from numba's cache on disk, before the first request is answered.

    Takes seconds the first time on a machine, much less than one after that.
    """
    events = [
        Event(
            event_id=str(number),
            lead_id=str(number % 2),
            type=kind,
            occurred_at=number,
            recorded_at=number,
            properties={catalogue.account_property: "a"},
        )
        for number, kind in enumerate(["identify", "identify", "page_view"])
    ]
    build(History.from_events(events), Requests(["0"], np.array([10], dtype=np.int64)), catalogue)
