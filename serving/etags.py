"""Answers that a CRM polls: an ETag, and 304 without a body when nothing has changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from serving.headers import dump

# The caller may keep it, and asks again each time.
KEPT_BY_THE_CALLER = (("Cache-Control", "private, no-cache"), ("Vary", "Authorization, X-Api-Key"))
_DIGITS = 3  # of a score: a tenth of a percent


@dataclass(frozen=True, slots=True)
class Tagged:
    """The body of an answer and its weak ETag."""

    body: bytes
    etag: str

    @property
    def quoted(self) -> str:
        """As the header has it."""
        return f'W/"{self.etag}"'


def tagged(value: Any, *, over: Any = None) -> Tagged:
    """The answer as JSON. The ETag is of ``over``, what counts in the answer, or of all of it."""
    body = dump(value)
    return Tagged(body, hashlib.blake2b(body if over is None else dump(over), digest_size=12).hexdigest())


def answered(answer: Tagged) -> Response:
    """The answer, or 304 when the caller has it already (If-None-Match)."""
    response = Response(answer.body, headers=[("ETag", answer.quoted), *KEPT_BY_THE_CALLER],
                        mimetype="application/json")  # fmt: skip
    if request.if_none_match:
        response.make_conditional(request)
    return response


def conditional(value: Any, *, over: Any = None) -> Response:
    """``answered`` of ``tagged``."""
    return answered(tagged(value, over=over))


def as_shown(score: Any) -> Any:
    """What people see of a score, of a list of scores: without ``as_of``, rounded to three digits.

    A score as of now differs with every second in digits that nobody looks at. An ETag over this says 304 as long as
    dates, reasons and rounded numbers are the same.
    """
    if isinstance(score, dict):
        return {name: as_shown(value) for name, value in score.items() if name != "as_of"}
    if isinstance(score, list):
        return [as_shown(value) for value in score]
    return round(score, _DIGITS) if isinstance(score, float) else score
