"""The one shape of every error answer: ``{"code", "message", "detail"}``, never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy.exc
from apiflask import APIFlask, HTTPError
from flask import Response, jsonify, render_template, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import ErasedLead, InputError, ModelUnavailable, StoreUnavailable, UnknownLead

log = logging.getLogger("leadtime.serving")

AWAY = "the database cannot be used; ask again in a moment"
RETRY_SECONDS = 5  # how soon to ask again when the database or the model is away

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    410: "gone",
    422: "invalid",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
TEXTS = {  # in place of the bare names that werkzeug gives
    "Not Found": "there is nothing at this address; /docs lists what there is",
    "Method Not Allowed": "this address does not take this method; the header Allow names those that it takes",
    "Request Entity Too Large": "the body is larger than this service reads; send it in several requests",
}


class Error(BaseModel):
    """Every answer that is not a success."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="a stable word for programs", examples=["unknown_lead"])
    message: str = Field(description="what went wrong and what to do, for people")
    detail: dict[str, Any] = Field(default_factory=dict, description="by place (json, query, path) and field, if known")


def problem(
    status: int,
    message: str,
    *,
    code: str | None = None,
    detail: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HTTPError:
    """An exception that is answered in the one shape."""
    return HTTPError(
        status,
        message,
        detail=dict(detail or {}),
        headers=dict(headers or {}),
        extra_data={"code": code or CODES.get(status, "error")},
    )


def invalid(place: str, fields: Mapping[str, list[str]]) -> HTTPError:
    """422 naming each field that is wrong. ``place``: json or query."""
    return HTTPError(422, detail={place: dict(fields)})


def field_errors(error: ValidationError) -> dict[str, list[str]]:
    """Pydantic's errors by the dotted path of the field."""
    fields: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(str(part) for part in item["loc"]) or "body"
        fields.setdefault(path, []).append(plain(item["msg"]))
    return fields


def plain(message: str) -> str:
    """Pydantic's message in our words."""
    message = message.removeprefix("Value error, ")
    return "unknown field" if message == "Extra inputs are not permitted" else message


def register(app: APIFlask) -> None:
    """Answer every error in the one shape; a person's browser gets a page instead."""
    app.error_processor(_answer)

    @app.errorhandler(UnknownLead)
    def unknown_lead(error: UnknownLead) -> Response:
        return _answer(problem(404, str(error), code="unknown_lead", detail={"path": {"lead_id": [error.lead_id]}}))

    @app.errorhandler(ErasedLead)
    def erased_lead(error: ErasedLead) -> Response:
        return _answer(problem(410, str(error), code="erased_lead", detail={"path": {"lead_id": [error.lead_id]}}))

    @app.errorhandler(InputError)
    def bad_input(error: InputError) -> Response:
        return _answer(problem(422, str(error), detail={"input": {error.where or "input": [str(error)]}}))

    @app.errorhandler(ModelUnavailable)
    def no_model(error: ModelUnavailable) -> Response:
        return _answer(_away("model_unavailable", str(error)))

    @app.errorhandler(StoreUnavailable)
    def no_store(error: StoreUnavailable) -> Response:
        log.error("%s", error)  # the message names host and user, which callers need not know
        return database_away()

    @app.errorhandler(sqlalchemy.exc.DBAPIError)
    @app.errorhandler(sqlalchemy.exc.TimeoutError)  # no connection became free
    def database_broken(error: sqlalchemy.exc.SQLAlchemyError) -> Response:
        log.error("database: %s", type(getattr(error, "orig", error)).__name__, exc_info=error)
        return database_away()

    @app.errorhandler(500)
    def unforeseen(_: Exception) -> Response:
        return _answer(problem(500, "an error that was not foreseen; the service's log has it"))


def database_away() -> Response:
    """The answer while the database cannot be used: 503, and when to ask again."""
    return _answer(_away("store_unavailable", AWAY))


def _away(code: str, message: str) -> HTTPError:
    return problem(503, message, code=code, headers={"Retry-After": str(RETRY_SECONDS)})


def _answer(error: HTTPError) -> Response:
    body = _body(error)
    headers = {name: value for name, value in dict(error.headers or {}).items() if name != "Content-Length"}
    if _for_a_person():
        return Response(render_template("error.html", error=body, status=error.status_code), error.status_code, headers)
    answer = jsonify(body)
    answer.status_code = error.status_code
    answer.headers.update(headers)
    return answer


def _body(error: HTTPError) -> dict[str, Any]:
    detail = error.detail if isinstance(error.detail, dict) else {}
    detail = {
        place: {_name(field): [plain(text) for text in texts] for field, texts in fields.items()}
        if isinstance(fields, dict) and place in ("json", "query", "path")
        else fields
        for place, fields in detail.items()
    }
    message = TEXTS.get(error.message or "", error.message)
    if error.status_code == 422 and "code" not in error.extra_data:
        wrong = [f"{field}: {'; '.join(texts)}" for fields in detail.values() for field, texts in fields.items()]
        message = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    return {
        "code": error.extra_data.get("code") or CODES.get(error.status_code, "error"),
        "message": message,
        "detail": detail,
    }


def _name(field: str) -> str:
    return "body" if field == "_schema" else field  # as APIFlask calls what concerns no single field


def _for_a_person() -> bool:
    if request.path.startswith(("/v1/", "/healthz", "/readyz", "/openapi.json")):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
