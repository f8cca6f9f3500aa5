"""`python -m serving`: the service under granian, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence

from features.errors import LeadtimeError
from features.settings import Settings, load_settings
from serving.addresses import base_url, check_address

# The server's own messages as JSON lines too; it sets this up in every worker.
LOGS = {
    "formatters": {"lines": {"()": "serving.logs.JsonLines"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "loggers": {"_granian": {"handlers": ["lines"], "level": "WARNING", "propagate": False}},
}
THREADS = 4  # requests of one worker at the same time
STOP_SECONDS = 8  # for requests under way, after a signal to stop


def bring_up_to_date(database_url: str) -> None:
    """Make or migrate the database once, before the workers open it."""
    from features.store import Store  # noqa: PLC0415 - takes a second, and a busy port should be said at once

    Store.open(database_url, migrate=True).close()


def announce(settings: Settings) -> None:
    base = base_url(settings.host, settings.port)
    print(
        f"leadtime serves {base}\n"
        f"  call list          {base}/          sign in: python -m serving.keys link\n"
        f"  API documentation  {base}/docs      API key: python -m serving.keys create --name NAME\n"
        f"  ready to score?    {base}/readyz\n"
        "Ctrl-C stops it.",
        flush=True,
    )


def run(settings: Settings) -> int:
    from granian import Granian  # noqa: PLC0415 - after the checks, whose message should come at once
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    server = Granian(
        "serving.wsgi:application",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=THREADS,
        workers_kill_timeout=STOP_SECONDS,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=LOGS,
        respawn_failed_workers=True,
        log_access=False,
    )
    server.serve()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m serving",
        description="The service. Address and workers are the settings LEADTIME_HOST, LEADTIME_PORT, LEADTIME_WORKERS.",
    ).parse_args(argv)
    # Spinning OpenMP threads would make LightGBM many times slower; workers inherit this.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        settings = load_settings()
        check_address(settings.host, settings.port)
        bring_up_to_date(settings.database_url)
        announce(settings)
        with tempfile.TemporaryDirectory(prefix="leadtime-metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before the workers start, which add up their counts in it
            return run(settings)
    except LeadtimeError as error:
        print(f"serving: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
