"""The endpoints of intake, and of what it could not take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from apiflask import APIBlueprint
from flask import Response, g, request

from features.events import to_iso
from serving.access import SECURITY, admit, charge, needs
from serving.headers import json_answer
from serving.intake.body import MAX_EVENT, read_call
from serving.intake.calls import KINDS, Received, Row, event_of
from serving.intake.credentials import body_key, header_key
from serving.intake.moments import sent_at
from serving.intake.refused import Refused
from serving.intake.rejected import Rejected, newest, rejected
from serving.intake.shapes import Batch, Call, RejectedEvents, RejectedQuery, Taken
from serving.intake.writer import Writer
from serving.problems import problem
from serving.service import Service

View = TypeVar("View", bound=Callable[..., Any])

_ERRORS = [400, 401, 403, 429, 503]
_CORS = {  # any page may send: what it needs is the key, and no cookie counts here
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, X-Api-Key",
    "Access-Control-Expose-Headers": "Retry-After",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def intake(service: Service) -> APIBlueprint:
    """The Segment HTTP tracking API. An answer of 200 means that the events are on disk."""
    bp = APIBlueprint("intake", __name__, url_prefix="/v1", tag="Intake")
    writer = Writer(service.store)

    @bp.after_request
    def from_any_page(response: Response) -> Response:
        response.headers.update(_CORS)
        return response

    @bp.post("/batch")
    @_documented(Batch)
    @bp.doc(responses=_ERRORS, security=[*SECURITY, {"basic": []}], operation_id="batch")
    @bp.output(Taken)
    def batch() -> Response:
        """Take many events

        Those that cannot be used are kept with the reason (GET /v1/rejected-events); the others are taken.
        """
        body = _opened(service)
        calls = body.get("batch")
        if not isinstance(calls, list):
            raise problem(400, "expected a list of calls under batch", code="bad_batch")
        charge(service, "ingest", len(calls) - 1)  # one was charged with the request
        rows, rejects = _read(calls, None, body, service.clock(), g.key.key_id)
        writer.write(rows, rejects)
        return json_answer({"success": True})

    def one(kind: str) -> Response:
        body = _opened(service)
        rows, rejects = _read([body], kind, {}, service.clock(), g.key.key_id)
        writer.write(rows, rejects)
        if rejects:
            raise problem(400, rejects[0].reason, code="rejected")
        return json_answer({"success": True})

    for kind in KINDS:
        view = _one_view(kind, one)
        view = bp.output(Taken)(view)
        view = bp.doc(responses=_ERRORS, security=[*SECURITY, {"basic": []}], operation_id=kind)(view)
        bp.post(f"/{kind}", endpoint=kind)(_documented(Call)(view))
    return bp


def rejected_events(service: Service) -> APIBlueprint:
    """What intake could not take."""
    bp = APIBlueprint("rejected_events", __name__, url_prefix="/v1", tag="Rejected events")

    @bp.get("/rejected-events")
    @needs(service, "read")
    @bp.doc(responses=[401, 403, 429, 503], security=SECURITY, operation_id="rejected_events")
    @bp.input(RejectedQuery, location="query")
    @bp.output(RejectedEvents)
    def list_rejected(query_data: RejectedQuery) -> Response:
        """Look up the events that could not be taken

        The newest first; the newest 100,000 are kept.
        """
        before = None if query_data.cursor is None else int(query_data.cursor)
        found = newest(
            service.store, limit=query_data.limit + 1, before=before, since=query_data.since, until=query_data.until
        )
        shown = found[: query_data.limit]
        more = len(found) > len(shown)
        return json_answer({
            "rejected_events": [_rejected_answer(row) for row in shown],
            "next_cursor": str(shown[-1]["position"]) if more else None,
        })  # fmt: skip

    return bp


def _opened(service: Service) -> dict[str, Any]:
    """The body of a request whose key may send events. A key in the headers is looked at before the body is read."""
    given = header_key(request)
    if given:
        admit(service, given, "ingest")
    body = read_call(request)
    if not given:
        admit(service, body_key(body), "ingest")
    body.pop("writeKey", None)  # a secret, not to be kept with a rejected event
    return body


def _read(
    calls: Sequence[Any], kind: str | None, around: dict[str, Any], now: int, key_id: str
) -> tuple[list[Row], list[Rejected]]:
    """Events and rejects. ``around``: the batch that the calls came in."""
    context = around.get("context")
    sent_text = around.get("sentAt")
    received = Received(now, context if isinstance(context, dict) else {}, sent_at(sent_text), sent_text)
    check_size = (request.content_length or MAX_EVENT + 1) > MAX_EVENT or "Content-Encoding" in request.headers
    rows, rejects = [], []
    for call in calls:
        try:
            if check_size:
                _check_size(call)
            rows.append(event_of(call, kind, received))
        except Refused as why:
            rejects.append(rejected(call, kind, str(why), now, key_id))
    return rows, rejects


def _check_size(call: Any) -> None:
    try:
        size = len(orjson.dumps(call))
    except orjson.JSONEncodeError:
        raise Refused("expected what can be written as JSON again, got objects nested too deeply") from None
    if size > MAX_EVENT:
        raise Refused(f"expected at most {MAX_EVENT:,} bytes, got {size:,}")


def _one_view(kind: str, take: Callable[[str], Response]) -> Callable[[], Response]:
    def view() -> Response:
        return take(kind)

    view.__name__ = kind
    view.__doc__ = f"Take one {kind} call\n\nOne that cannot be used is kept with the reason, and answered with 400."
    return view


def _documented(model: type[Any]) -> Callable[[View], View]:
    """Say in the OpenAPI document what the view reads by itself; mark the scope that it asks for."""

    def decorator(view: View) -> View:
        spec = dict(getattr(view, "_spec", {}))
        spec.update(body=model, content_type=["application/json", "text/plain"])
        view._spec = spec  # type: ignore[attr-defined]  # noqa: SLF001 - as APIFlask's own decorators do
        view.scope = "ingest"  # type: ignore[attr-defined]
        return view

    return decorator


def _rejected_answer(row: dict[str, Any]) -> dict[str, Any]:
    names = ("reason", "type", "message_id", "lead_id", "key_id", "body")
    return {"received_at": to_iso(row["received_at"]), **{name: row[name] for name in names}}
