"""What every answer carries, and what a request may carry."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from flask import Flask, Request, Response, current_app, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge

from serving.problems import invalid, problem

View = TypeVar("View", bound=Callable[..., Any])

# Pages run no script at all; the API documentation runs its own, from this server. Swagger UI sets styles inline.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ONLY_OVER_TLS = ("Strict-Transport-Security", "max-age=31536000")
ALWAYS = {  # no view sets one of these
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Json(DefaultJSONProvider):
    """orjson: several times as fast, strict when reading (no NaN, no broken UTF-8), null for NaN when writing."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002 - Flask's formatting options do not apply
        return dump(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ARG002
        return orjson.loads(s)


def dump(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def json_answer(value: Any, status: int = 200) -> Response:
    """A JSON answer whose shape the caller vouches for: the hot path does not validate its own output."""
    return Response(dump(value), status=status, mimetype="application/json")


class JsonRequest(Request):
    """A request whose body, when it is no JSON or too large, is refused in the one shape of errors."""

    def get_data(self, cache: bool = True, as_text: Any = False, parse_form_data: bool = False) -> Any:
        data = super().get_data(cache, as_text, parse_form_data)
        # A body sent in chunks tells no length; werkzeug silently cuts it off at the limit.
        if self.content_length is None and len(data) >= (self.max_content_length or sys.maxsize):
            raise RequestEntityTooLarge
        return data

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        found = super().get_json(force=force, silent=silent, cache=cache)
        if found is None and not silent:  # or null would pass for an object without fields
            raise invalid("json", {"body": ["expected an object or a list, got null"]})
        return found

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        raise problem(400, f"the body is no JSON: {e}", code="bad_json")


def reads_types(*types: str, schema: dict[str, Any]) -> Callable[[View], View]:
    """The view reads a body of one of these types by itself; ``schema``: of the JSON, for the OpenAPI document."""

    def decorator(view: View) -> View:
        view.media_types = types  # type: ignore[attr-defined]
        spec = {**getattr(view, "_spec", {}), "body": schema, "content_type": list(types)}
        view.__dict__["_spec"] = spec  # where APIFlask keeps what it documents
        return view

    return decorator


def require_json() -> None:
    """The API reads JSON and nothing else, so that no form of another site can post to it.

    A view may read other types than that (``reads_types``), none of which a form can send.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    types = getattr(view, "media_types", ("application/json",))
    if request.method in ("POST", "PUT", "PATCH") and request.mimetype not in types:
        raise problem(415, f"expected the content type {' or '.join(types)}, got {request.mimetype or 'none'}")


def register(app: Flask) -> None:
    app.json = Json(app)
    app.request_class = JsonRequest

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.extend(ALWAYS)
        policy = DOCS_POLICY if request.endpoint == "documentation.docs" else PAGE_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        if response.status_code >= 400 or request.endpoint not in ("static", "documentation.asset"):
            response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            response.headers.setdefault(*ONLY_OVER_TLS)
        return response
