"""Webhooks reach their receivers signed, are tried again for three days, and nothing queued is lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
import sqlalchemy as sa
from background_world import Process, page_view, process
from webhook_receiver import Receiver, receiving

from features.events import DAY, SECOND, to_iso
from features.store import Store
from features.store.work import webhook_deliveries
from serving.background.lease import LeaseLost
from serving.webhooks import queue
from serving.webhooks.endpoints import Endpoint, Endpoints
from serving.webhooks.messages import MAX_BODY, WINDOW_OPENED, Message, test_message
from serving.webhooks.queue import Deliveries, Delivery
from serving.webhooks.schedule import DELAYS, Reply, next_attempt, throttle, wish

test_message.__test__ = False  # the product's, no test


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def one(store: Store) -> Process:
    return process(store)


@pytest.fixture(autouse=True)
def _receivers_have_the_clock_of_the_test(one: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library refuses signatures more than five minutes old; tests move their clock by days."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.fromtimestamp(one.clock.now / SECOND, tz=UTC)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Moved)


def connect(one: Process, receiver: Receiver) -> Endpoint:
    endpoint = Endpoints(one.store, allow_private=True).create(receiver.url, one.clock.now)
    receiver.secret = endpoint.secret
    return endpoint


def send_test(one: Process, endpoint: Endpoint) -> None:
    Deliveries(one.store).send(endpoint.endpoint_id, test_message(one.clock.now), one.clock.now)


def only(one: Process, endpoint: Endpoint) -> Delivery:
    (found,) = Deliveries(one.store).all(endpoint.endpoint_id)
    return found


def test_an_opened_window_arrives_signed(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    one.append([page_view("a", one.clock.now - DAY)])
    one.models.scorer.call_on["a"] = one.today()
    one.refresh()
    assert one.deliver(endpoint.endpoint_id) == 1
    message = receiver.verified()
    assert message["type"] == "lead.window_opened"
    assert message["timestamp"] == to_iso(one.clock.now)
    data = message["data"]
    assert (data["lead_id"], data["number"], data["call_on"]) == ("a", 1, one.today().isoformat())
    assert {"handoff_id", "readiness", "p_30", "window_start", "window_end", "reasons", "owner"} <= set(data)
    headers, _ = receiver.got[0]
    assert headers["webhook-timestamp"] == str(one.clock.now // SECOND)
    assert headers["content-type"] == "application/json"
    assert only(one, endpoint).state == "delivered"
    assert one.deliver(endpoint.endpoint_id) == 0


def test_a_failed_delivery_is_tried_ten_times_and_then_dead_until_replayed(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    receiver.answers = [(500, {})] * 10
    send_test(one, endpoint)
    waited = []
    for _ in range(10):
        before = one.clock.now
        assert one.deliver(endpoint.endpoint_id) == 1
        after = only(one, endpoint)
        assert one.deliver(endpoint.endpoint_id) == 0, "not before its time"
        if after.state == "pending":
            waited.append((after.next_at - before) // SECOND)
            one.clock.now = after.next_at
    assert waited == list(DELAYS[1:])
    dead = only(one, endpoint)
    assert (dead.state, dead.attempts, dead.last_status, dead.last_error) == ("dead", 10, 500, "answered 500")
    ids = {headers["webhook-id"] for headers, _ in receiver.got}
    times = {headers["webhook-timestamp"] for headers, _ in receiver.got}
    assert (len(ids), len(times)) == (1, 10), "the same id, a new time each"
    deliveries = Deliveries(one.store)
    assert deliveries.replay(endpoint.endpoint_id, one.clock.now, since=dead.created_at + 1) == 0
    assert deliveries.replay(endpoint.endpoint_id, one.clock.now, since=dead.created_at) == 1
    assert one.deliver(endpoint.endpoint_id) == 1
    assert receiver.verified()["type"] == "leadtime.test"
    assert receiver.got[-1][0]["webhook-id"] in ids
    assert only(one, endpoint).state == "delivered"
    assert deliveries.replay(endpoint.endpoint_id, one.clock.now, since=0) == 0
    assert deliveries.replay(endpoint.endpoint_id, one.clock.now, message_id=dead.message_id) == 1


def test_an_endpoint_that_is_gone_is_disabled(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    receiver.answers = [(410, {})]
    for _ in range(3):
        send_test(one, endpoint)
    assert one.deliver(endpoint.endpoint_id) == 1
    endpoints = Endpoints(one.store, allow_private=True)
    assert endpoints.get(endpoint.endpoint_id).disabled_because == "it answered 410 (gone)"
    assert {delivery.state for delivery in Deliveries(one.store).all(endpoint.endpoint_id)} == {"dead"}
    one.append([page_view("a", one.clock.now - DAY)])
    one.models.scorer.call_on["a"] = one.today()
    one.refresh()
    assert len(Deliveries(one.store).all(endpoint.endpoint_id)) == 3, "nothing new is queued for it"
    endpoints.update(endpoint.endpoint_id, active=True)
    assert Deliveries(one.store).replay(endpoint.endpoint_id, one.clock.now, since=0) == 3
    assert one.deliver(endpoint.endpoint_id) == 3


def test_a_redirect_is_a_failure_and_not_followed(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    with receiving() as elsewhere:
        receiver.answers = [(307, {"Location": elsewhere.url})]
        send_test(one, endpoint)
        one.deliver(endpoint.endpoint_id)
        assert elsewhere.got == []
    assert only(one, endpoint).last_error == "answered 307; redirects are not followed"
    assert only(one, endpoint).state == "pending"


@pytest.mark.parametrize("status", [429, 502, 504])
def test_a_busy_endpoint_is_left_alone_as_a_whole(one: Process, receiver: Receiver, status: int) -> None:
    endpoint = connect(one, receiver)
    receiver.answers = [(status, {"Retry-After": "90"})]
    for _ in range(2):
        send_test(one, endpoint)
    assert one.deliver(endpoint.endpoint_id) == 1, "the second is not even tried"
    one.clock.now += 89 * SECOND
    assert one.deliver(endpoint.endpoint_id) == 0
    one.clock.now += SECOND
    assert one.deliver(endpoint.endpoint_id) == 2
    assert Endpoints(one.store, allow_private=True).get(endpoint.endpoint_id).throttles == 0


def test_a_busy_endpoint_that_names_no_time_is_asked_ever_more_rarely() -> None:
    waits = [throttle(n, Reply(429), 0) for n in (0, 1, 2, 3, 50)]
    assert waits == [5 * SECOND, 10 * SECOND, 20 * SECOND, 40 * SECOND, 600 * SECOND]
    assert throttle(3, Reply(500), 0) is None
    assert throttle(0, Reply(503, retry_after="7"), 0) == 7 * SECOND


def test_retry_after_is_read_as_seconds_or_a_date() -> None:
    now = 1_800_000_000 * SECOND  # 15 January 2027, 08:00
    assert wish(Reply(503, retry_after="120"), now) == 120
    assert wish(Reply(503, retry_after="Fri, 15 Jan 2027 08:01:00 GMT"), now) == 60
    assert wish(Reply(503, retry_after="Fri, 15 Jan 2027 07:00:00 GMT"), now) == 0
    assert wish(Reply(503, retry_after="999999999"), now) == 86_400
    for unreadable in (None, "", "soon", "-5", "1.5", "²"):
        assert wish(Reply(503, retry_after=unreadable), now) is None
    assert next_attempt(1, Reply(503, retry_after="120"), now, 0.0) == now + 120 * SECOND
    assert next_attempt(2, Reply(500), now, 1.0) == now + 330 * SECOND
    assert next_attempt(10, Reply(500), now, 0.0) is None


def test_both_keys_sign_for_a_day_after_a_rotation(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    endpoints = Endpoints(one.store, allow_private=True)
    new = endpoints.rotate(endpoint.endpoint_id, one.clock.now).secret
    assert new != endpoint.secret
    send_test(one, endpoint)
    one.deliver(endpoint.endpoint_id)
    assert len(receiver.got[0][0]["webhook-signature"].split()) == 2
    for secret in (endpoint.secret, new):
        assert receiver.verified(0, secret)["type"] == "leadtime.test"
    one.clock.now += DAY
    send_test(one, endpoint)
    one.deliver(endpoint.endpoint_id)
    assert receiver.verified(1, new)["type"] == "leadtime.test"
    assert receiver.refuses(1, endpoint.secret)
    leaked = endpoints.rotate(endpoint.endpoint_id, one.clock.now, overlap_hours=0).secret
    send_test(one, endpoint)
    one.deliver(endpoint.endpoint_id)
    assert receiver.refuses(2, new)
    assert receiver.verified(2, leaked)


def test_what_was_queued_is_delivered_by_the_next_process(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    send_test(one, endpoint)
    assert one.webhooks.hold()
    one.webhooks.release()  # it stops
    with Store.open(one.store.engine.url.render_as_string(hide_password=False)) as reopened:
        other = process(reopened)
        other.clock.now = one.clock.now
        assert other.deliver(endpoint.endpoint_id) == 1
    assert receiver.verified()["type"] == "leadtime.test"


def test_who_lost_the_lease_notes_nothing(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    send_test(one, endpoint)
    assert one.webhooks.hold()
    receiver.before = lambda: one.webhooks._store and _take_over(one)
    with pytest.raises(LeaseLost):
        one.courier.deliver_one(endpoint.endpoint_id)
    assert only(one, endpoint).state == "pending", "whoever took over delivers it, under the same id"


def _take_over(one: Process) -> None:
    from features.store.work import leases

    with one.store.writing() as connection:
        connection.execute(leases.update().values(expires_at=0))
    assert process(one.store).webhooks.hold()


def test_a_slow_receiver_keeps_up_nobody_else(one: Process, receiver: Receiver) -> None:
    slow = connect(one, receiver)
    done = threading.Event()
    receiver.before = lambda: done.wait(10) and None
    with receiving() as quick:
        other = connect(one, quick)
        for _ in range(5):
            send_test(one, slow)
            send_test(one, other)
        assert one.webhooks.hold()
        one.courier.step()
        until = time.monotonic() + 10
        while len(quick.got) < 5 and time.monotonic() < until:
            one.courier.step()
            time.sleep(0.01)
        assert len(quick.got) == 5
        assert len(receiver.got) == 1
        one.courier.stop()
        done.set()
        one.courier.join(10)
    assert sorted(delivery.state for delivery in Deliveries(one.store).all(slow.endpoint_id)) == [
        "delivered", "pending", "pending", "pending", "pending",
    ]  # fmt: skip


def test_a_receiver_that_dribbles_is_cut_off(one: Process) -> None:
    """Each byte comes in time, all of them never do."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def dribble() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not stop.wait(0.1):
                    connection.sendall(b"x")

        thread = threading.Thread(target=dribble)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        endpoint = Endpoints(one.store, allow_private=True).create(url, one.clock.now)
        send_test(one, endpoint)
        started = time.monotonic()
        assert one.deliver(endpoint.endpoint_id) == 1
        assert time.monotonic() - started < 5
        stop.set()
        thread.join()
    assert only(one, endpoint).last_error == "no answer within 2 seconds"


def test_a_receiver_that_cannot_be_reached_is_tried_again(one: Process, receiver: Receiver) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = Endpoints(one.store, allow_private=True).create(f"http://127.0.0.1:{port}/", one.clock.now)
    send_test(one, endpoint)
    assert one.deliver(endpoint.endpoint_id) == 1
    found = only(one, endpoint)
    assert (found.state, found.last_status) == ("pending", None)
    assert "ConnectionRefusedError" in found.last_error


def test_each_endpoint_gets_the_types_it_asked_for(one: Process) -> None:
    endpoints = Endpoints(one.store, allow_private=True)
    both = endpoints.create("http://127.0.0.1:9/", one.clock.now)
    closed = endpoints.create("http://127.0.0.1:9/", one.clock.now, events=["lead.window_closed"])
    with one.store.writing() as connection:
        for _ in range(2):
            queue.enqueue(connection, Message("m", WINDOW_OPENED, one.clock.now, {}, "a"), one.clock.now)
    assert len(Deliveries(one.store).all(both.endpoint_id)) == 1, "once, however often it is queued"
    assert Deliveries(one.store).all(closed.endpoint_id) == []


def test_a_body_stays_below_the_limit() -> None:
    data = {"lead_id": "x" * 255, "owner": "ö" * 40_000, "reasons": ["because " * 500] * 100, "value": {"a": 1}}
    body = Message("m", WINDOW_OPENED, 0, data).body()
    assert len(body.encode()) < MAX_BODY
    told = orjson.loads(body)["data"]
    assert (told["lead_id"], told["value"]) == ("x" * 255, None)
    assert told["reasons"]
    many = {"lead_id": "x", "reasons": ["r"], **{f"p_{h}": 1 / 3 for h in range(2_000)}}
    assert len(Message("m", WINDOW_OPENED, 0, many).body().encode()) < MAX_BODY


def test_old_deliveries_are_forgotten_after_a_month(one: Process, receiver: Receiver) -> None:
    endpoint = connect(one, receiver)
    send_test(one, endpoint)
    one.deliver(endpoint.endpoint_id)
    receiver.answers = [(500, {})]
    send_test(one, endpoint)
    one.deliver(endpoint.endpoint_id)
    one.clock.now += 31 * DAY
    assert one.webhooks.hold()
    one.courier.step()
    one.courier.stop()
    with one.store.reading() as connection:
        states = connection.execute(sa.select(webhook_deliveries.c.state, webhook_deliveries.c.attempts)).all()
    assert len(states) == 1
