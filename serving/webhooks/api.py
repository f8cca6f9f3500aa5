"""The endpoints under /v1/webhooks, for keys of the scope admin."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from serving.access import SECURITY, needs
from serving.headers import json_answer
from serving.problems import problem
from serving.service import Service
from serving.webhooks import payloads
from serving.webhooks.endpoints import Endpoint, Endpoints, require_active
from serving.webhooks.messages import test_message
from serving.webhooks.queue import Deliveries

_ERRORS = [401, 403, 429, 503]
_BODY_ERRORS = [400, *_ERRORS, 413, 415]


def webhooks(service: Service) -> APIBlueprint:
    bp = APIBlueprint("webhooks", __name__, url_prefix="/v1/webhooks", tag="Webhooks")
    endpoints = Endpoints(service.store, allow_private=service.settings.webhook_allow_private)
    _add_endpoints(bp, service, endpoints)
    _add_deliveries(bp, service, endpoints)
    return bp


def _known(endpoints: Endpoints, endpoint_id: str) -> Endpoint:
    found = None if "\x00" in endpoint_id else endpoints.find(endpoint_id)
    if found is None:
        raise problem(404, "expected the id of a webhook endpoint; GET /v1/webhooks lists them")
    return found


def _add_endpoints(bp: APIBlueprint, service: Service, endpoints: Endpoints) -> None:
    admin = needs(service, "admin")

    @bp.post("")
    @admin
    @bp.doc(responses=_BODY_ERRORS, security=SECURITY, operation_id="create_webhook")
    @bp.input(payloads.NewEndpoint)
    @bp.output(payloads.EndpointWithSecret, status_code=201)
    def create(json_data: payloads.NewEndpoint) -> Response:
        """Send webhooks to an address

        The answer shows the secret that deliveries are signed with, which is not shown again.
        """
        made = endpoints.create(
            json_data.url, service.clock(), description=json_data.description, events=json_data.events
        )
        return json_answer(payloads.with_secret(made), 201)

    @bp.get("")
    @admin
    @bp.doc(responses=_ERRORS, security=SECURITY, operation_id="webhooks")
    @bp.output(payloads.EndpointList)
    def all_endpoints() -> Response:
        """All webhook endpoints, without their secrets"""
        return json_answer({"webhooks": [payloads.shown(endpoint) for endpoint in endpoints.all()]})

    @bp.get("/<endpoint_id>")
    @admin
    @bp.doc(responses=[*_ERRORS, 404], security=SECURITY, operation_id="webhook")
    @bp.output(payloads.EndpointShown)
    def one(endpoint_id: str) -> Response:
        """One webhook endpoint, without its secrets"""
        return json_answer(payloads.shown(_known(endpoints, endpoint_id)))

    @bp.patch("/<endpoint_id>")
    @admin
    @bp.doc(responses=[*_BODY_ERRORS, 404], security=SECURITY, operation_id="update_webhook")
    @bp.input(payloads.EndpointChange)
    @bp.output(payloads.EndpointShown)
    def update(endpoint_id: str, json_data: payloads.EndpointChange) -> Response:
        """Change, disable or enable a webhook endpoint

        What is still to be sent when it is disabled counts as failed: enable it and replay what you want.
        """
        _known(endpoints, endpoint_id)
        return json_answer(payloads.shown(endpoints.update(endpoint_id, **json_data.model_dump(exclude_none=True))))

    @bp.delete("/<endpoint_id>")
    @admin
    @bp.doc(responses=[*_ERRORS, 404], security=SECURITY, operation_id="delete_webhook")
    @bp.output({}, status_code=204)
    def delete(endpoint_id: str) -> Response:
        """Delete a webhook endpoint with all its deliveries"""
        _known(endpoints, endpoint_id)
        endpoints.delete(endpoint_id)
        return Response(status=204)

    @bp.post("/<endpoint_id>/rotate")
    @admin
    @bp.doc(responses=[*_BODY_ERRORS, 404], security=SECURITY, operation_id="rotate_webhook_secret")
    @bp.input(payloads.Rotation)
    @bp.output(payloads.EndpointWithSecret)
    def rotate(endpoint_id: str, json_data: payloads.Rotation) -> Response:
        """Give a webhook endpoint a new secret

        Deliveries carry the signatures of both until the old one ends.
        """
        _known(endpoints, endpoint_id)
        made = endpoints.rotate(endpoint_id, service.clock(), overlap_hours=json_data.overlap_hours)
        return json_answer(payloads.with_secret(made))


def _add_deliveries(bp: APIBlueprint, service: Service, endpoints: Endpoints) -> None:
    admin = needs(service, "admin")
    deliveries = Deliveries(service.store)

    @bp.post("/<endpoint_id>/test")
    @admin
    @bp.doc(responses=[*_BODY_ERRORS, 404], security=SECURITY, operation_id="test_webhook")
    @bp.input(payloads.Nothing)
    @bp.output(payloads.Queued, status_code=202)
    def test(endpoint_id: str, json_data: payloads.Nothing) -> Response:  # noqa: ARG001 - an empty object
        """Send an event `leadtime.test`

        It is queued like every other; the deliveries of the endpoint show what became of it.
        """
        require_active(_known(endpoints, endpoint_id))
        message = test_message(service.clock())
        deliveries.send(endpoint_id, message, service.clock())
        return json_answer({"message_id": message.message_id}, 202)

    @bp.get("/<endpoint_id>/deliveries")
    @admin
    @bp.doc(responses=[*_ERRORS, 404], security=SECURITY, operation_id="webhook_deliveries")
    @bp.input(payloads.DeliveriesQuery, location="query")
    @bp.output(payloads.DeliveryList)
    def sent(endpoint_id: str, query_data: payloads.DeliveriesQuery) -> Response:
        """What was sent to a webhook endpoint, waits, or failed

        The newest first; `state=dead` gives those that failed for good. Kept for 30 days.
        """
        _known(endpoints, endpoint_id)
        limit = query_data.limit
        found = deliveries.all(endpoint_id, state=query_data.state, before=query_data.cursor, limit=limit + 1)
        more = str(found[limit - 1].delivery_id) if len(found) > limit else None
        shown = [payloads.shown_delivery(delivery) for delivery in found[:limit]]
        return json_answer({"deliveries": shown, "next_cursor": more})

    @bp.post("/<endpoint_id>/replay")
    @admin
    @bp.doc(responses=[*_BODY_ERRORS, 404], security=SECURITY, operation_id="replay_webhooks")
    @bp.input(payloads.Replay)
    @bp.output(payloads.Replayed, status_code=202)
    def replay(endpoint_id: str, json_data: payloads.Replay) -> Response:
        """Send again what failed

        One message, or all that failed for good since a time; under the same `webhook-id` as before.
        """
        require_active(_known(endpoints, endpoint_id))
        replayed = deliveries.replay(
            endpoint_id,
            service.clock(),
            message_id=json_data.message_id,
            since=json_data.since,
            delivered=json_data.delivered,
        )
        return json_answer({"replayed": replayed}, 202)
