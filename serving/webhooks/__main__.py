"""Webhook endpoints on the command line.

python -m serving.webhooks create --url URL [--events lead.window_opened] [--description TEXT]
python -m serving.webhooks list | enable ID | disable ID | delete ID | test ID
python -m serving.webhooks rotate ID [--overlap-hours 24]
python -m serving.webhooks failed ID
python -m serving.webhooks replay ID (--message MESSAGE_ID | --since TIME [--delivered])
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from features.errors import LeadtimeError
from features.events import parse_time, to_iso
from features.settings import load_settings
from features.store import Store
from serving.webhooks.endpoints import OVERLAP_HOURS, Endpoints, require_active
from serving.webhooks.messages import EVENT_TYPES, test_message
from serving.webhooks.queue import DEAD, Deliveries


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.webhooks", description="Webhook endpoints of the service")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make an endpoint and show its secret, once")
    create.add_argument("--url", required=True)
    create.add_argument("--events", default=",".join(EVENT_TYPES), help="separated by commas (all)")
    create.add_argument("--description", default="")
    commands.add_parser("list", help="show all endpoints, without their secrets")
    for name, text in (
        ("enable", "send to it again"),
        ("disable", "send nothing more to it"),
        ("delete", "forget it and its deliveries"),
        ("test", "send an event leadtime.test"),
        ("rotate", "give it a new secret and show that, once"),
        ("failed", "list the deliveries that failed for good"),
        ("replay", "send again what failed for good"),
    ):
        commands.add_parser(name, help=text).add_argument("endpoint_id")
    commands.choices["rotate"].add_argument(
        "--overlap-hours", type=float, default=OVERLAP_HOURS, help="how long the old secret signs as well (24)"
    )
    which = commands.choices["replay"].add_mutually_exclusive_group(required=True)
    which.add_argument("--message", help="one message, by its webhook-id")
    which.add_argument("--since", help="all that were queued at or after this time (ISO 8601)")
    commands.choices["replay"].add_argument("--delivered", action="store_true", help="delivered ones too")
    return parser.parse_args(argv)


def _list(endpoints: Endpoints) -> None:
    found = endpoints.all()
    if not found:
        print("No endpoints yet. Make one: python -m serving.webhooks create --url https://...")
    for endpoint in found:
        state = endpoint.disabled_because or "active"
        print(f"{endpoint.endpoint_id}  {state:<18}  {','.join(endpoint.events)}  {endpoint.url}")


def _failed(deliveries: Deliveries, endpoint_id: str) -> None:
    for delivery in deliveries.all(endpoint_id, state=DEAD, limit=1_000):
        queued = to_iso(delivery.created_at)
        print(f"{delivery.message_id}  {delivery.type}  queued {queued}  {delivery.last_error}")


def _run(arguments: argparse.Namespace, endpoints: Endpoints, deliveries: Deliveries, now: int) -> None:
    command, endpoint_id = arguments.command, getattr(arguments, "endpoint_id", "")
    once = "It is not shown again."
    if command == "create":
        events = [name for name in arguments.events.replace(",", " ").split() if name]
        made = endpoints.create(arguments.url, now, description=arguments.description, events=events)
        print(f"{made.secret}\n\nThe secret of {made.endpoint_id}. {once}")
        return
    if command == "list":
        _list(endpoints)
        return
    endpoint = endpoints.get(endpoint_id)
    if command == "rotate":
        made = endpoints.rotate(endpoint_id, now, overlap_hours=arguments.overlap_hours)
        print(f"{made.secret}\n\nThe new secret of {endpoint_id}. {once}")
    elif command in ("enable", "disable"):
        endpoints.update(endpoint_id, active=command == "enable")
        print(f"{endpoint_id} is {command}d.")
    elif command == "delete":
        endpoints.delete(endpoint_id)
        print(f"{endpoint_id} is deleted.")
    elif command == "failed":
        _failed(deliveries, endpoint_id)
    else:
        require_active(endpoint)
        if command == "test":
            deliveries.send(endpoint_id, test_message(now), now)
            print("The test is queued; a running service sends it.")
        else:
            since = None if arguments.since is None else parse_time(arguments.since, where="--since")
            replayed = deliveries.replay(
                endpoint_id, now, message_id=arguments.message, since=since, delivered=arguments.delivered
            )
            print(f"{replayed} will be sent again by a running service.")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        settings = load_settings()
        with Store.open(settings.database_url, migrate=True) as store:
            endpoints = Endpoints(store, allow_private=settings.webhook_allow_private)
            _run(arguments, endpoints, Deliveries(store), time.time_ns() // 1000)
    except LeadtimeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
