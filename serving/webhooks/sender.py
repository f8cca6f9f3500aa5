"""One attempt to deliver: an HTTP request to an address that was checked, signed for its receiver."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading

from standardwebhooks import Webhook

from features.errors import InputError
from features.events import SECOND, to_datetime
from serving.webhooks.endpoints import Endpoint
from serving.webhooks.schedule import Reply
from serving.webhooks.targets import Lookup, Target, addresses, parse_url

TIMEOUT = 20.0  # seconds for all of it but the name server's answer


class Sender:
    """Follows no redirect, reads no more of an answer than its head, uses no proxy."""

    def __init__(
        self,
        *,
        allow_private: bool,
        lookup: Lookup = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._allow_private, self._lookup, self._timeout = allow_private, lookup, timeout
        self._tls = tls or ssl.create_default_context()

    def send(self, endpoint: Endpoint, message_id: str, body: str, now: int) -> Reply:
        """``now``: the time that is signed, microseconds since 1970 UTC. Never raises for what the other side does."""
        try:
            target = parse_url(endpoint.url, allow_private=self._allow_private)
            found = addresses(target, allow_private=self._allow_private, lookup=self._lookup)
            return self._post(target, found, signed(endpoint, message_id, body, now), body.encode())
        except TimeoutError:
            return Reply(None, f"no answer within {self._timeout:g} seconds")
        except ssl.SSLCertVerificationError as error:
            return Reply(None, f"the certificate is refused: {error.verify_message}")
        except InputError as error:
            return Reply(None, str(error))
        except (OSError, http.client.HTTPException) as error:
            return Reply(None, f"{type(error).__name__}: {error}"[:300])

    def _post(self, target: Target, found: list[str], headers: dict[str, str], body: bytes) -> Reply:
        kind = http.client.HTTPSConnection if target.secure else http.client.HTTPConnection
        connection = kind(target.host, target.port)  # for the header Host; it is connected here
        deadline = _Deadline(self._timeout)
        with contextlib.closing(connection), deadline:
            connection.sock = deadline.watch(_connect(found, target.port, self._timeout))
            if target.secure:
                # Asks for, and checks the certificate against, the name of the host: the address alone says nothing.
                secured = self._tls.wrap_socket(
                    connection.sock, server_hostname=target.host, do_handshake_on_connect=False
                )
                connection.sock = deadline.watch(secured)
                secured.do_handshake()
            connection.request("POST", target.path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, retry_after=answer.getheader("Retry-After"))


def signed(endpoint: Endpoint, message_id: str, body: str, now: int) -> dict[str, str]:
    """The headers of an attempt at ``now``: one signature for each key that is valid then, the newest first."""
    moment = to_datetime(now // SECOND * SECOND)  # in UTC: the library takes any datetime for that
    signatures = [Webhook(secret).sign(message_id, moment, body) for secret in endpoint.valid_secrets(now)]
    return {
        "content-type": "application/json",
        "user-agent": "leadtime-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(now // SECOND),
        "webhook-signature": " ".join(signatures),
    }


def _connect(found: list[str], port: int, timeout: float) -> socket.socket:
    """To the first of the addresses that can be reached."""
    error: OSError = ConnectionError("no address")
    for address in found:
        try:
            connected = socket.create_connection((address, port), timeout / len(found))
        except OSError as failed:
            error = failed
        else:
            connected.settimeout(timeout)
            return connected
    raise error


class _Deadline:
    """Cuts a connection off after so many seconds: a time-out of a socket begins anew with each byte that comes."""

    def __init__(self, seconds: float) -> None:
        self._socket: socket.socket | None = None
        self._passed = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def watch(self, connected: socket.socket) -> socket.socket:
        self._socket = connected
        return connected

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._timer.cancel()
        if self._passed:  # also without an error: half of an answer's head can look like a whole one
            raise TimeoutError from None

    def _cut(self) -> None:
        self._passed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
