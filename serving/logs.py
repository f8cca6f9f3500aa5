"""Structured logs: one JSON object to a line on standard error, each with the id of the request that it belongs to.

They hold no personal data: routes instead of paths, no parameters of statements, and of an exception its type and
where it was raised, never its message, which may quote what was sent.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import threading
import time
from contextlib import nullcontext
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog
from apiflask import APIFlask
from flask import Response, g, request

from serving.audit.requests import route

REQUEST_ID = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOMENT = 0.05  # seconds that a line may wait to be written
_BUNDLE = 1_000  # lines
_FRAMES = 30  # innermost frames of a trace

log = logging.getLogger("leadtime.serving")


def configure(level: int = logging.INFO) -> None:
    """Every logger of the process writes JSON lines to standard error."""
    # What no line shows need not be found out for each (https://docs.python.org/3/howto/logging.html#optimization).
    logging._srcfile = None  # noqa: SLF001 - as that page says
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = InBundles(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)


class InBundles(logging.Handler):
    """Writes what comes within a moment at once: a write for each request would make all threads take turns.

    Warnings and what is worse are written immediately, with all that waits.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream, self._lines = stream, list[str]()
        self._wake = threading.Event()
        threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Called under the handler's lock."""
        self._lines.append(self.format(record))
        if record.levelno >= logging.WARNING or len(self._lines) >= _BUNDLE:
            self.flush()
        elif len(self._lines) == 1:
            self._wake.set()

    def flush(self) -> None:
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()

    def _write_on(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(_MOMENT)
            self.flush()


class JsonLines(logging.Formatter):
    """``extra={"fields": {...}}`` of a record become fields of its line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **structlog.contextvars.get_contextvars(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = trace(record.exc_info[1], record.exc_info[2])
        return orjson.dumps(line, default=str).decode()


def trace(error: BaseException | None, frames: TracebackType | None) -> dict[str, Any]:
    """Which errors caused one another and where the last one was raised; none of their messages."""
    places = []
    while frames is not None:
        code = frames.tb_frame.f_code
        places.append(f"{code.co_filename}:{frames.tb_lineno} {code.co_name}")
        frames = frames.tb_next
    kinds = []
    while error is not None:
        kinds.append(f"{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {"types": kinds, "at": places[-_FRAMES:]}


def request_id(given: str) -> str:
    """The caller's, if it is a sane one, else a new one."""
    return given if _SANE.fullmatch(given) else secrets.token_hex(8)


def record(method: str, route: str | None, status: int, seconds: float, key_id: str | None, **more: str) -> None:
    """The line of one request."""
    fields = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 1), "key": key_id}
    log.info("request", extra={"fields": fields | more})


def register(app: APIFlask) -> None:
    """Every request has an id, which the answer names."""

    @app.before_request
    def begin() -> None:
        g.request_id = request_id(request.headers.get(REQUEST_ID, ""))
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[REQUEST_ID] = g.request_id
        key = g.get("key")
        record(
            request.method if request.url_rule is not None else "",
            None if request.url_rule is None else route(request.url_rule.rule),
            response.status_code,
            time.perf_counter() - g.started,
            None if key is None else key.key_id,
        )
        return response

    def unforeseen(exc_info: Any) -> None:  # Flask's own line names the path, and so a lead
        log.error("an error that was not foreseen", exc_info=exc_info)

    app.log_exception = unforeseen  # type: ignore[method-assign]
