"""``python -m benchmarks.service.bare PORT FILE``: a Flask view that returns the bytes of a file, and nothing more.

Under the same server as the service, with as many threads.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flask import Flask, Response

_FILE = "LEADTIME_BENCH_BYTES"


def application() -> Flask:
    app = Flask(__name__)
    content = Path(os.environ[_FILE]).read_bytes()

    @app.get("/v1/leads/<lead_id>/score")
    def score(lead_id: str) -> Response:  # noqa: ARG001
        return Response(content, mimetype="application/json")

    return app


def main(port: int, file: str) -> None:
    from granian import Granian  # noqa: PLC0415 - not needed by the workers
    from granian.constants import Interfaces  # noqa: PLC0415

    from serving.__main__ import THREADS  # noqa: PLC0415

    os.environ[_FILE] = file
    Granian(
        "benchmarks.service.bare:application",
        factory=True,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
