"""Where the service listens."""

from __future__ import annotations

import socket
from urllib.parse import quote

from werkzeug.routing import PathConverter

from features.errors import InputError
from features.events import to_iso


class LeadId(PathConverter):
    """A lead's id in a path: any text, also one that begins with a slash."""

    regex, part_isolating = ".+?", False


# What follows a lead's id in paths.
OF_A_LEAD = ("score", "events", "outcome", "calls", "owner", "export", "change", "dossier")


class LeadAlone(LeadId):
    """A lead's id at the end of a path. It does not end like the path to something of a lead.

    Else a request with the wrong method would be taken as one about a lead of another name: ``DELETE
    /v1/leads/L1/score`` is a method that there is not, and no erasure of a lead named ``L1/score``.
    """

    regex = ".+?" + "".join(f"(?<!/{name})" for name in OF_A_LEAD)


def dossier_path(lead_id: str, as_of: int) -> str:
    """Where the API gives the dossier of a lead, as known at ``as_of`` (microseconds since 1970 UTC)."""
    return f"/v1/leads/{quote(lead_id, safe='')}/dossier?as_of={quote(to_iso(as_of))}"


def base_url(host: str, port: int) -> str:
    """Where a browser on this machine finds the service."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"


def check_address(host: str, port: int) -> None:
    """InputError, with the remedy, when the service could not listen there."""
    remedy = f"Stop what listens there, or choose another port: LEADTIME_PORT={port + 1} python -m serving"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InputError(
            where="LEADTIME_HOST", expected="an address of this machine", got=f"{host!r} ({error.strerror})"
        ) from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind(address)
        except OSError as error:
            raise InputError(
                where=f"{host}:{port}", expected="a free port", got=error.strerror or str(error), remedy=remedy
            ) from None
