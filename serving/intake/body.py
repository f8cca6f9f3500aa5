"""The body of a request: unpacked up to a bound and no further, and read as JSON."""

from __future__ import annotations

import json
import zlib
from typing import Any

import orjson
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from serving.problems import problem

MAX_EVENT = 32 * 1024  # bytes of one event
MAX_BODY = 4 * 2**20 + MAX_EVENT  # bytes of a body, unpacked: a client closes a batch when it has passed 4 MiB

_GZIP = 16 + zlib.MAX_WBITS


def read_call(request: Request) -> dict[str, Any]:
    """The JSON object that was sent, whatever the content type: a browser that leaves a page sends text/plain.

    400 for one that is too large, damaged or no object.
    """
    found = _parse(_unpacked(request))
    if not isinstance(found, dict):
        raise problem(400, "expected a JSON object in the body", code="bad_json")
    return found


def _unpacked(request: Request) -> bytes:
    request.max_content_length = MAX_BODY
    try:
        data = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _too_large() from None
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding not in ("gzip", "x-gzip"):
        raise problem(400, f"expected the content encoding gzip or none, got {encoding[:50]}", code="bad_encoding")
    return unzip(data, MAX_BODY)


def unzip(data: bytes, most: int) -> bytes:
    """The unpacked data. Never unpacks more than one byte above ``most``: 400 when there is more, or it is damaged."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(data, most + 1)
    except zlib.error as error:
        raise problem(400, f"the body is no gzip data: {error}", code="bad_encoding") from None
    if len(found) > most:
        raise _too_large()
    if not unpacker.eof:
        raise problem(400, "the gzip data in the body is cut off", code="bad_encoding")
    return found


def _too_large() -> Exception:
    return problem(400, f"expected at most {MAX_BODY:,} bytes, unpacked; send it in several", code="too_large")


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        try:
            return _leniently(data)
        except (ValueError, RecursionError):
            raise problem(400, f"the body is no JSON: {error}", code="bad_json") from None


def _leniently(data: bytes) -> Any:
    """What clients write that is strictly no JSON: Python's NaN becomes null, a browser's half surrogate pair ``?``."""
    found = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
    return orjson.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
