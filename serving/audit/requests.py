"""How requests come into the audit log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import sqlalchemy.exc
from apiflask import APIFlask
from flask import Response, g, request

from features.errors import StoreUnavailable
from serving import problems
from serving.audit.log import MAX_NAMED, Entry
from serving.service import Service

CHANGING = ("write", "admin", "session")  # whose requests, unless they read, are on disk before they are answered


def concerns(lead_ids: Iterable[str]) -> None:
    """This request reads or changes data of these leads. A lead in the path of the route is known without."""
    g.concerned = [*g.get("concerned", ()), *lead_ids]


def recorded() -> None:
    """The view has written its entry itself, in the transaction of its change."""
    g.recorded = True


@lru_cache(maxsize=256)
def route(rule: str) -> str:
    """A rule as people write it: ``/v1/leads/{lead_id}/score``. No part of it comes from the request."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)


def register(app: APIFlask, service: Service) -> None:
    @app.after_request
    def note(response: Response) -> Response:
        key = g.get("key")
        if key is None or request.url_rule is None or g.get("recorded"):
            return response
        lead_ids = list(dict.fromkeys(g.get("concerned", ())))
        of_path = (request.view_args or {}).get("lead_id")
        if of_path is not None:
            lead_ids.insert(0, of_path)
        entry = Entry(
            at=service.clock(),
            who=key.key_id,
            via=g.get("via", "key"),
            action=f"{request.method} {route(request.url_rule.rule)}",
            result=response.status_code,
            lead_ids=[lead_id for lead_id in lead_ids[:MAX_NAMED] if "\x00" not in lead_id],
            leads=len(lead_ids),
        )
        scope = getattr(app.view_functions[request.endpoint], "scope", None) if request.endpoint else None
        if scope not in CHANGING or request.method in ("GET", "HEAD"):
            service.audit.note(entry)
            return response
        try:
            service.audit.write(entry)
        except (StoreUnavailable, sqlalchemy.exc.DBAPIError):
            return problems.database_away()  # the caller asks again: no change is acknowledged that is not on record
        return response
