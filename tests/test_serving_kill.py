"""A process that is killed at any point leaves nothing undone and nothing done twice."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import sqlalchemy as sa
from background_world import page_view, process
from webhook_receiver import receiving

from features.events import DAY
from features.store import Store
from features.store.work import leases, openings, scores, webhook_deliveries
from serving.webhooks.endpoints import Endpoints

LEADS = [f"l{i:04d}" for i in range(600)]
WORK = """
    import sys, time
    sys.path.insert(0, "tests")
    from background_world import ScriptedScorer, process
    from features.store import Store
    from serving.background import refresh
    refresh.CHUNK = 20
    one = process(Store.open(sys.argv[1]))
    one.clock.now = int(sys.argv[2])
    one.models.scorer.call_on.update(dict.fromkeys([f"l{i:04d}" for i in range(600)], one.today()))
    assert (one.scores if sys.argv[3] == "refresh" else one.webhooks).hold()
    print("holds", flush=True)
    if sys.argv[3] == "refresh":
        one.refresher.run()
    else:
        one.courier.deliver_one(sys.argv[3])
"""


def begin(url: str, now: int, what: str) -> subprocess.Popen[str]:
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", textwrap.dedent(WORK), url, str(now), what]
    started = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "holds\n"
    return started


def kill(started: subprocess.Popen[str]) -> None:
    started.kill()
    started.wait(10)
    assert started.stdout is not None
    started.stdout.close()


def counts(store: Store) -> list[int]:
    """How many openings, scores and deliveries there are, at one moment: PostgreSQL may still finish a commit."""
    tables = (openings, scores, webhook_deliveries)
    each = [sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in tables]
    with store.reading() as connection:
        return list(connection.execute(sa.select(*each)).one())


def let_leases_expire(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(leases.update().values(expires_at=0))


def test_killed_in_the_middle_it_makes_each_handoff_once(database_url: str) -> None:
    with Store.open(database_url) as store:
        one = process(store)
        now = one.clock.now
        Endpoints(store, allow_private=True).create("http://127.0.0.1:9/", now)
        one.append(page_view(lead, now - DAY) for lead in LEADS)
        started = begin(database_url, now, "refresh")
        limit = time.monotonic() + 30
        while counts(store)[0] < 100 and started.poll() is None and time.monotonic() < limit:
            time.sleep(0.002)
        kill(started)
        made = counts(store)
        assert 100 <= made[0] < len(LEADS), "killed in the middle of it"
        assert len(set(made)) == 1, "all of a chunk or nothing"
        assert not one.scores.hold(), "its lease lasts a while"
        let_leases_expire(store)
        one.models.scorer.call_on.update(dict.fromkeys(LEADS, one.today()))
        one.refresh()
        in_log = [row["lead_id"] for row in store.events().to_pylist() if row["type"] == "handoff"]
        assert sorted(in_log) == LEADS
        assert counts(store) == [len(LEADS)] * 3


def test_killed_while_it_delivers_the_next_one_sends_it_again_under_the_same_id(database_url: str) -> None:
    with Store.open(database_url) as store, receiving() as receiver:
        one = process(store)
        now = one.clock.now
        endpoint = Endpoints(store, allow_private=True).create(receiver.url, now)
        receiver.secret = endpoint.secret
        one.append([page_view("l0000", now - DAY)])
        one.models.scorer.call_on["l0000"] = one.today()
        one.refresh()
        dying: list[subprocess.Popen[str]] = []
        receiver.before = lambda: kill(dying.pop()) if dying else None  # it has sent, and hears no answer
        dying.append(begin(database_url, now, endpoint.endpoint_id))
        limit = time.monotonic() + 30
        while dying and time.monotonic() < limit:
            time.sleep(0.01)
        assert not dying
        let_leases_expire(store)
        assert one.deliver(endpoint.endpoint_id) == 1
        assert len(receiver.got) == 2
        assert receiver.verified(0) == receiver.verified(1)
        assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
