"""Whatever is sent to intake: taken, or refused with a reason; never an error of ours."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_world import NOW, NoModel, Running, run

from features.events import EVENT_SCHEMA
from features.identity import claims
from features.store.accounts import account_links
from serving.intake.calls import KINDS, Received, Row, event_of
from serving.intake.moments import sent_at
from serving.intake.refused import Refused
from serving.intake.rejected import rejected

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
anything = st.recursive(
    scalars | st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", "9999-12-31T23:59:59-23:00", "\x00", "x" * 300]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
often = st.sampled_from(["ada", "7", "2026-01-01T00:00:00.123Z", "page_view", "need_declared"])
names = [
    "type", "userId", "anonymousId", "previousId", "groupId", "event", "name", "category", "messageId", "timestamp",
    "originalTimestamp", "sentAt", "writeKey", "integrations",
]  # fmt: skip
objects = st.dictionaries(
    st.sampled_from(["traits", "page", "campaign", "userAgent", "need_by", "path", "name", "medium", "channel"])
    | st.text(max_size=6),
    anything | often | st.dictionaries(st.sampled_from(["path", "name", "medium"]), anything | often, max_size=3),
    max_size=5,
)
calls = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(names, anything | often | often),
        **dict.fromkeys(("context", "properties", "traits"), objects | objects | anything),
        "type": st.sampled_from(KINDS) | st.sampled_from(KINDS) | anything,
    },
)


def tried(call: Any, kind: str | None, received: Received) -> Row | Refused:
    try:
        return event_of(call, kind, received)
    except Refused as why:
        return why


@settings(max_examples=300)
@given(calls | anything, st.sampled_from(KINDS) | st.none(), objects, anything | often)
def test_a_call_becomes_a_row_that_the_log_can_hold_or_a_reason(
    call: Any, kind: str | None, context: dict[str, Any], sent: Any
) -> None:
    row = tried(call, kind, Received(NOW, context, sent_at(sent), sent))
    if isinstance(row, Refused):
        assert "expected" in str(row)
        kept = rejected(call, kind, str(row), NOW, "key")
        assert "\x00" not in "".join(text for text in kept if isinstance(text, str))
        return
    pa.Table.from_arrays(
        [pa.array([value], field.type) for value, field in zip(row, EVENT_SCHEMA, strict=True)], schema=EVENT_SCHEMA
    )
    assert row.occurred_at <= row.recorded_at == NOW
    for name in (row.event_id, row.lead_id, row.type, row.channel, row.campaign):
        assert name is None or (0 < len(name) <= 255 and "\x00" not in name)
    assert isinstance(json.loads(row.properties), dict)
    said = (row.lead_id, row.properties, row.occurred_at, row.recorded_at, 1)
    if row.type == "identify":
        claims([said], 255)
        account_links([said])


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = run(f"sqlite:///{tmp_path_factory.mktemp('fuzz')}/log.db", NoModel(), scopes=("ingest", "read"))
    yield running
    running.store.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.lists(calls | anything, max_size=4), calls, st.booleans())
def test_every_event_of_a_batch_is_in_the_log_or_among_the_rejected(
    live: Running, batch: list[Any], around: dict[str, Any], zipped: bool
) -> None:
    body = json.dumps({**around, "batch": batch}).encode()
    headers = {**live.key, "Content-Encoding": "gzip" if zipped else "identity"}
    before = live.store.events().num_rows
    answer = live.client.post("/v1/batch", data=gzip.compress(body) if zipped else body, headers=headers)
    assert (answer.status_code, answer.json) == (200, {"success": True})
    assert live.store.events().num_rows - before <= len(batch)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([*KINDS, "batch"]),
    st.sampled_from(["", "gzip", "deflate", "gzip, gzip"]),
    st.booleans(),
)
def test_any_body_is_answered_in_the_shape_of_errors(
    live: Running, data: bytes, path: str, encoding: str, zipped: bool
) -> None:
    headers = {**live.key, "Content-Encoding": encoding}
    answer = live.client.post(f"/v1/{path}", data=gzip.compress(data) if zipped else data, headers=headers)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert set(answer.json) == {"code", "message", "detail"}


def test_what_is_nested_without_end_is_refused_alone(live: Running) -> None:
    for depth in (300, 900):
        deep = '{"type": "track", "userId": "a", "event": "x", "messageId": "%d", "properties": {"x": %s%s}}'
        deep = deep % (depth, "[" * depth, "]" * depth)
        good = json.dumps({"type": "track", "userId": "a", "event": "x", "messageId": f"beside {depth}"})
        before = live.store.events().num_rows  # not the position: an event that was sent twice may use one up
        answer = live.client.post("/v1/batch", data=f'{{"batch": [{deep}, {good}]}}', headers=live.key)
        assert answer.status_code == 200
        assert live.store.events().num_rows == before + 1
