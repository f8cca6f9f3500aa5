"""A receiver of webhooks for tests: a real HTTP server on loopback that verifies as the library tells receivers to."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass
class Receiver:
    """``answers``: what to answer next, status and headers; 204 when none is left. ``before``: called first."""

    url: str = ""
    secret: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def verified(self, n: int = -1, secret: str | None = None) -> Any:
        """The n-th message, its signature verified; WebhookVerificationError when it is not right."""
        headers, body = self.got[n]
        return Webhook(secret or self.secret).verify(body, headers)

    def refuses(self, n: int, secret: str) -> bool:
        try:
            self.verified(n, secret)
        except WebhookVerificationError:
            return True
        return False


@contextlib.contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.before()
            status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
            with contextlib.suppress(OSError):  # it may have gone
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that breaks off is part of some tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/hooks?from=leadtime"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
