"""Who may call what: API keys for the API, a session for the pages."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue

from serving.headers import require_json
from serving.keys import Key
from serving.problems import problem
from serving.service import Service

View = TypeVar("View", bound=Callable[..., Any])

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer lt_...`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "intake alone: the key as the user name"},
}
SECURITY: list[str | dict[str, list[Any]]] = [{"bearer": []}, {"header": []}]


class Sessions(SecureCookieSessionInterface):
    """The cookie goes over TLS only, wherever the request came over TLS."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """None for the API, which knows no sessions: a cookie is not even looked at."""
        return None if request.path.startswith("/v1/") else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return request.is_secure


def needs(service: Service, scope: str) -> Callable[[View], View]:
    """The view can be called with a key of this scope only: 401 without a key that is known, 403 without the scope.

    429 when the key has asked for more than its limit. What is limited by events is charged further by ``charge``.
    """

    def decorator(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            admit(service, given_key(), scope)
            require_json()
            return view(*args, **kwargs)

        checked.scope = scope  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorator


def admit(service: Service, text: str, scope: str) -> Key:
    """The key of this text, for the rest of the request: 401 when it is not known, 403 without the scope, 429 when it
    has asked for more than its limit.
    """
    g.version = service.store.version()  # looked at once for a request
    key = service.keys.verify(text, g.version)
    if key is None:
        raise problem(
            401,
            "expected an active API key in the header Authorization: Bearer lt_...; make one with "
            "python -m serving.keys create --name NAME",
            headers={"WWW-Authenticate": 'Bearer realm="leadtime"'},
        )
    g.key = key
    if not key.allows(scope):
        raise problem(
            403,
            f"expected a key with the scope {scope}, this one has {' '.join(sorted(key.scopes))}",
            headers={"WWW-Authenticate": f'Bearer realm="leadtime", error="insufficient_scope", scope="{scope}"'},
        )
    charge(service, scope)
    return key


def charge(service: Service, kind: str, n: int = 1) -> None:
    """Count ``n`` (events, requests) against the limit of the request's key; 429 when there is no more to have."""
    refuse_after(service.limits.take(g.key.key_id, kind, service.clock(), n))


def refuse_after(seconds: int) -> None:
    if seconds:
        raise problem(429, f"too many requests; ask again in {seconds} s", headers={"Retry-After": str(seconds)})


def given_key() -> str:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    return request.headers.get("X-Api-Key", "").strip()


def signed_in(service: Service) -> Callable[[View], View]:
    """The page is for those who signed in; others are sent to the sign-in page first."""

    def decorator(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            key = current_key(service)
            if key is None:
                wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else "/"
                return redirect(url_for("pages.login", next=None if wanted == "/" else wanted))
            g.key, g.via = key, "session"
            return view(*args, **kwargs)  # type: ignore[no-any-return]

        checked.scope = "session"  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorator


def current_key(service: Service) -> Key | None:
    """The key that this session was opened with, as long as both are active."""
    secret = session.get("session")
    if not isinstance(secret, str):
        return None
    now = service.clock()
    key_id = service.sessions.key_id(secret, now)
    key = None if key_id is None else service.keys.find(key_id)
    return key if key is not None and key.active(now) and key.allows("read") else None


def open_session(service: Service, key: Key) -> None:
    """Sign in with this key: the cookie holds the secret of a session that lies in the database."""
    session.clear()
    session.permanent = True
    session["session"] = service.sessions.open(key.key_id, service.clock())
    form_token()


def close_session(service: Service) -> None:
    """End it wherever its cookie was copied to."""
    secret = session.get("session")
    if isinstance(secret, str):
        service.sessions.close(secret)
    session.clear()


def form_token() -> str:
    """What a form of ours carries and one of another site cannot know."""
    if "form" not in session:
        session["form"] = secrets.token_urlsafe(16)
    return str(session["form"])


def check_form() -> None:
    expected, given = session.get("form"), request.form.get("form_token", "")
    if not isinstance(expected, str) or not hmac.compare_digest(expected.encode(), given.encode()):
        raise problem(400, "this form is out of date; go back, load the page anew and try again")


def local_path(target: str | None) -> str:
    """A path of this service to go on to, never another site."""
    try:
        parts = urlsplit(target or "")
    except ValueError:  # such as an address with half of an IPv6 host
        return "/"
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or parts.netloc or parts.scheme:
        return "/"
    return target
