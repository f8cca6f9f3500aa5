"""What docs/webhooks.md tells receivers is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from background_world import page_view, process
from webhook_receiver import receiving

from features.events import DAY
from features.store import Store
from serving.handoffs.judge import MOVED, NO_CALL
from serving.webhooks.endpoints import MAX_ENDPOINTS, Endpoints
from serving.webhooks.messages import EVENT_TYPES, MAX_BODY, TEST
from serving.webhooks.queue import KEEP
from serving.webhooks.schedule import DELAYS
from serving.webhooks.sender import TIMEOUT

TEXT = (Path(__file__).parents[1] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_its_receiver_accepts_what_is_sent_and_refuses_the_rest(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], names)
    one = process(sqlite_store)
    one.append([page_view("L1", one.clock.now - DAY)])
    one.models.scorer.call_on["L1"] = one.today()
    with receiving() as receiver:
        endpoint = Endpoints(one.store, allow_private=True).create(receiver.url, one.clock.now)
        one.refresh()
        one.deliver(endpoint.endpoint_id)
        ((headers, body),) = receiver.got
    for _ in range(2):
        assert names["receive"](endpoint.secret, headers, body.encode()) == 204
    assert capsys.readouterr().out == "call L1 (None), readiness 50\n", "once, though it came twice"
    assert names["receive"](endpoint.secret, headers, body.encode() + b" ") == 400


def test_its_numbers_and_names_are_those_of_the_code() -> None:
    for name in (*EVENT_TYPES, TEST, MOVED, NO_CALL):
        assert f"`{name}`" in TEXT
    assert f"{MAX_BODY:,} bytes" in TEXT
    assert f"{MAX_ENDPOINTS} endpoints" in TEXT
    assert f"within {TIMEOUT:g} seconds" in TEXT
    assert f"kept for {KEEP // DAY} days" in TEXT
    units = {"s": 1, "min": 60, "h": 3600}
    told = re.search(r"tried again (.*?) after the attempt", TEXT, re.DOTALL)[1]
    assert [int(n) * units[unit] for n, unit in re.findall(r"(\d+) (s|min|h)\b", told)] == list(DELAYS[1:])
