"""Every request in docs/crm.md can be sent as it stands, and names only what the OpenAPI document knows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from serving_world import NOW, Running, World, run
from serving_world import FixedModel as Fixed

from features.events import DAY, Event, events_table
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "crm.md").read_text(encoding="utf-8")
CONTACTS = b"Record ID,Create Date\n1,2026-03-01 09:30\n"


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


def request_of(command: list[str]) -> tuple[str, str, dict[str, str], bytes | None]:
    assert command[0] == "curl"
    method, url, headers, body = "GET", "", {}, None
    rest = iter(command[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest).encode()
        elif word == "--data-binary":
            assert next(rest).startswith("@")
            body = CONTACTS
        else:
            url = word
    return method, url.removeprefix("http://127.0.0.1:8000"), headers, body


@pytest.fixture
def crm(world: World, tmp_path: Path) -> Running:
    running = run(f"sqlite:///{tmp_path}/crm.db", Fixed(Served(world.scorer, "7")), scopes=("read", "write"))
    visit = Event(event_id="v", lead_id="L1", type="page_view", occurred_at=NOW - 60 * DAY, recorded_at=NOW - 60 * DAY)
    handed = [
        Event(event_id=one, lead_id="L1", type="handoff", occurred_at=NOW - DAY, recorded_at=NOW)
        for one in ("H1", "H2")
    ]
    running.store.append(events_table([visit, *handed]))
    return running


def test_every_request_is_answered_with_success(crm: Running) -> None:
    sent = commands()
    assert len(sent) > 12
    for command in sent:
        method, path, headers, body = request_of(command)
        assert headers.pop("Authorization") == "Bearer $KEY"
        answer = crm.client.open(path, method=method, headers=headers | crm.key, data=body)
        assert answer.status_code == 200, (path, answer.get_data(as_text=True))
        assert not re.search(r'"rejected":[1-9]', answer.get_data(as_text=True)), path
    crm.store.close()


def test_every_request_is_in_the_openapi_document(crm: Running) -> None:
    paths: dict[str, Any] = crm.client.get("/openapi.json").json["paths"]
    asked = set()
    for command in commands():
        method, path, _, _ = request_of(command)
        template = re.sub(r"/leads/L\d", "/leads/{lead_id}", urlsplit(path).path)
        template = re.sub(r"/handoffs/H\d", "/handoffs/{handoff_id}", template)
        assert method.lower() in paths[template], path
        asked.add((method.lower(), template))
    tagged = {
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if operation.get("tags") == ["CRM"]
    }
    assert tagged <= asked, "what a CRM can ask is shown"
    crm.store.close()


def test_every_kind_of_export_is_described(crm: Running) -> None:
    for path in crm.client.get("/openapi.json").json["paths"]:
        if path.startswith("/v1/import/"):
            assert f"`{path.rpartition('/')[2]}`" in TEXT, path
    crm.store.close()
