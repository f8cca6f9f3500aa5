"""The key of an intake call, wherever the client puts it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from flask import Request

from serving.access import given_key


def header_key(request: Request) -> str:
    """From the headers: the user name of Basic, with or without a colon, Bearer or X-Api-Key; empty if none."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return given_key()
    try:
        return base64.b64decode(text.strip() + "==").decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def body_key(body: Mapping[str, Any]) -> str:
    """The writeKey of a page that can set no header; empty if none."""
    found = body.get("writeKey")
    return found if isinstance(found, str) else ""
