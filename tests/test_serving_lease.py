"""A lease is held by one at a time, taken over from the dead, and what a late holder writes is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from features.store import Store
from features.store.work import leases
from serving.background.lease import Lease, LeaseLost
from serving.background.worker import Worker


def expire(store: Store) -> None:
    """As if the holder had died half a minute ago."""
    with store.writing() as connection:
        connection.execute(leases.update().values(expires_at=1))


def expires_at(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(sa.select(leases.c.expires_at)).scalar_one()


def test_one_holds_it_until_it_lets_go(store: Store) -> None:
    first, second = Lease(store, "work"), Lease(store, "work")
    assert first.hold()
    assert first.hold()
    assert not second.hold()
    assert Lease(store, "other work").hold()
    first.release()
    assert second.hold()
    assert not first.hold()


def test_it_is_renewed_while_its_holder_works(store: Store) -> None:
    lease = Lease(store, "work", seconds=1000)
    lease.hold()
    before = expires_at(store)
    with store.writing() as connection:
        connection.execute(leases.update().values(expires_at=leases.c.expires_at - 500_000_000))
        lease.guard(connection)
    assert expires_at(store) >= before
    with store.writing() as connection:
        connection.execute(leases.update().values(expires_at=leases.c.expires_at - 500_000_000))
    lease._renewed -= 400
    assert lease.hold()
    assert expires_at(store) >= before


def test_of_a_holder_that_died_another_takes_it_over(store: Store) -> None:
    dead, heir = Lease(store, "work"), Lease(store, "work")
    assert dead.hold()
    assert not heir.hold()
    expire(store)
    assert heir.hold()
    assert heir.token > dead.token


def test_a_holder_that_was_paused_cannot_write_after_losing_it(store: Store) -> None:
    paused, heir = Lease(store, "work"), Lease(store, "work")
    paused.hold()
    expire(store)
    heir.hold()

    def write(lease: Lease) -> None:
        with store.writing() as connection:
            connection.execute(leases.insert().values(name=lease.holder, holder="x", token=1, expires_at=0))
            lease.guard(connection)

    with pytest.raises(LeaseLost):
        write(paused)
    write(heir)
    with store.reading() as connection:
        names = set(connection.execute(sa.select(leases.c.name)).scalars())
    assert names == {"work", heir.holder}, "what was written before the guard is undone"
    paused.release()
    assert heir.hold(), "a lost lease cannot be given away"


def test_nobody_takes_it_over_within_a_transaction_of_its_holder(database_url: str) -> None:
    with Store.open(database_url) as store, ThreadPoolExecutor(1) as pool:
        holder, rival = Lease(store, "work"), Lease(store, "work")
        holder.hold()
        expire(store)
        with store.writing() as connection:
            holder.guard(connection)
            # Before the guard commits the rival sees the lease expired, and waits for its turn to take it.
            waiting = pool.submit(rival.hold)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
        assert waiting.result(10) is False
        assert holder.hold()


def test_of_many_that_want_it_at_once_one_gets_it(store: Store) -> None:
    wanting = [Lease(store, "work") for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(Lease.hold, wanting)) == 1
    expire(store)
    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(Lease.hold, [Lease(store, "work") for _ in range(12)])) == 1


def test_a_worker_outlives_errors_and_frees_its_lease_at_the_end(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    monkeypatch.setattr("serving.background.worker.LOOK_SECONDS", 0.01)
    lease = Lease(sqlite_store, "work")
    calls, taken, enough = [], [], threading.Event()

    def work() -> float:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a bug")
        if len(calls) == 2:
            expire(sqlite_store)
            assert Lease(sqlite_store, "work").hold()
            with sqlite_store.writing() as connection:
                lease.guard(connection)
        if len(calls) == 4:
            enough.set()
        return 0.01

    worker = Worker(lease, work, taken=lambda: taken.append(1))
    worker.start()
    while len(calls) < 2:
        enough.wait(0.01)
    assert not enough.wait(0.1), "another has it"
    expire(sqlite_store)
    assert enough.wait(10)
    worker.stop()
    worker.join(10)
    assert "a bug" in caplog.text
    assert "another process has taken it over" in caplog.text
    assert len(taken) == 2
    assert Lease(sqlite_store, "work").hold()
