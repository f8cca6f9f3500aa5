"""Several reads and appends of a store as one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from features.store.store import Appended, Store


class Transaction(Store):
    """A store whose reads and appends all go through one connection, in its transaction."""

    def __init__(self, engine: sa.Engine, connection: sa.Connection) -> None:
        super().__init__(engine)
        self.connection = connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        yield self.connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        yield self.connection


@contextmanager
def transaction(store: Store) -> Iterator[Transaction]:
    """What the block appends is on disk when it ends, and none of it when it raises an error.

    It takes its turn at once, as every append does: nothing comes into the log between what the block reads and what
    it appends. So what takes long and does not need the log belongs before it.
    """
    with store.writing() as connection:
        store.lock_log(connection)
        log = Transaction(store.engine, connection)
        appended: list[Appended] = []
        log.on_append = appended.append
        yield log
    for each in appended:
        store.on_append(each)
