"""Scores that are kept already, answered before the application is asked: a CRM that polls asks for little else.

What is not plainly such a request goes on to the application, whose answer would be the same; a test holds both
against each other. It spares the way through Flask, which takes several times as long as the answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from features.errors import LeadtimeError
from serving import headers, logs
from serving.audit.log import Entry
from serving.etags import KEPT_BY_THE_CALLER, Tagged
from serving.keys import Key
from serving.metrics import Metrics
from serving.service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX, SUFFIX = "/v1/leads/", "/score"
ROUTE = "/v1/leads/{lead_id}/score"


class _Found(NamedTuple):
    key: Key
    lead_id: str
    answer: Tagged


class Front:
    """The WSGI application around Flask's."""

    def __init__(self, app: WSGIApplication, service: Service, measured: Metrics) -> None:
        self._app, self._service, self._measured = app, service, measured

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] == "GET" and path.startswith(PREFIX) and path.endswith(SUFFIX):
            began = time.perf_counter()
            found = None if environ.get("QUERY_STRING") else self._find(environ, path[len(PREFIX) : -len(SUFFIX)])
            if found is not None:
                return self._answer(environ, start_response, found, began)
        return self._app(environ, start_response)

    def _find(self, environ: WSGIEnvironment, name: str) -> _Found | None:
        """None unless the caller may have it and there is one."""
        service, now = self._service, self._service.clock()
        scheme, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        text = text if scheme.lower() == "bearer" else environ.get("HTTP_X_API_KEY", "")
        try:
            lead_id = name.encode("latin-1").decode()  # as WSGI hands paths over
            version = service.store.version()
            key = service.keys.verify(text.strip(), version)
            if key is None or not key.allows("read"):
                return None
            answer = service.kept_scores.peek(lead_id, now, service.models.current().key, version=version)
        except (UnicodeError, LeadtimeError):
            return None
        if answer is None or environ.get("HTTP_IF_NONE_MATCH", answer.quoted) != answer.quoted:
            return None
        if service.limits.take(key.key_id, "read", now):
            return None
        return _Found(key, lead_id, answer)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, found: _Found, began: float
    ) -> Iterable[bytes]:
        request_id = logs.request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        key, lead_id, answer = found
        unchanged = "HTTP_IF_NONE_MATCH" in environ
        status, body = (304, b"") if unchanged else (200, answer.body)
        service = self._service
        service.audit.note(Entry(service.clock(), key.key_id, "key", f"GET {ROUTE}", status, [lead_id], leads=1))
        seconds = time.perf_counter() - began
        self._measured.seconds.labels("GET", ROUTE, status).observe(seconds)
        logs.record("GET", ROUTE, status, seconds, key.key_id, request_id=request_id)
        content: list[tuple[str, str]] = []
        if not unchanged:
            content = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if environ["wsgi.url_scheme"] == "https":
            content.append(headers.ONLY_OVER_TLS)
        start_response(
            "304 NOT MODIFIED" if unchanged else "200 OK",
            [*content, ("ETag", answer.quoted), *KEPT_BY_THE_CALLER, *_ALWAYS, (logs.REQUEST_ID, request_id)],
        )
        return [body]


_ALWAYS: list[tuple[str, Any]] = [*headers.ALWAYS.items(), ("Content-Security-Policy", headers.PAGE_POLICY)]
