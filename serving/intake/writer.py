"""Writing what requests bring: those that arrive while one is being written are written together, in one commit."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pyarrow as pa

from features.errors import StoreUnavailable
from features.events import EVENT_SCHEMA
from features.store import Store
from serving.intake.calls import Row
from serving.intake.rejected import Rejected, keep

_TYPES = EVENT_SCHEMA.types


class _Request:
    def __init__(self, rows: Sequence[Row], rejects: Sequence[Rejected]) -> None:
        self.rows, self.rejects = rows, rejects
        self.done = False
        self.error: Exception | None = None


class Writer:
    """Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Request] = []
        self._guard = threading.Lock()  # of the list
        self._turn = threading.Lock()  # of the one that writes

    def write(self, rows: Sequence[Row], rejects: Sequence[Rejected]) -> None:
        """On disk on return. StoreUnavailable: perhaps not, send it again."""
        if not rows and not rejects:
            return
        request = _Request(rows, rejects)
        with self._guard:
            self._waiting.append(request)
        with self._turn:
            if not request.done:  # whoever had the turn before may have written it
                with self._guard:
                    group, self._waiting = self._waiting, []
                self._commit(group)
        if request.error is not None:
            raise request.error

    def _commit(self, group: Sequence[_Request]) -> None:
        try:
            self._append(group)
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                for request in group:  # one of them must not spoil the others
                    self._commit([request])
                return
            for request in group:
                request.error = error
        for request in group:
            request.done = True

    def _append(self, group: Sequence[_Request]) -> None:
        rows = [row for request in group for row in request.rows]
        rejects = [each for request in group for each in request.rejects]
        columns = zip(*rows, strict=True) if rows else ((),) * len(_TYPES)
        table = pa.Table.from_arrays(
            [pa.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)], schema=EVENT_SCHEMA
        )
        self._store.append(table, also=(lambda connection: keep(connection, rejects)) if rejects else None)
