"""Answers that a CRM polls: an ETag, and 304 without a body when nothing has changed."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, request

from serving.headers import dump, json_answer

_DIGITS = 3  # of a score: a tenth of a percent


def conditional(value: Any, *, over: Any = None) -> Response:
    """The answer as JSON, or 304 when the caller has it already (If-None-Match).

    The ETag is a weak one, of ``over``, what counts in the answer, or of all of it.
    """
    answer = json_answer(value)
    tagged = answer.get_data() if over is None else dump(over)
    answer.set_etag(hashlib.blake2b(tagged, digest_size=12).hexdigest(), weak=True)
    answer.headers["Cache-Control"] = "private, no-cache"  # may be kept by the caller, and is asked for again
    answer.headers["Vary"] = "Authorization, X-Api-Key"
    answer.make_conditional(request)
    return answer


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
