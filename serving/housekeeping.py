"""The small work beside requests: bringing audited reads to disk, noting used keys, forgetting what has ended."""

from __future__ import annotations

import logging
import threading

import sqlalchemy.exc

from features.errors import LeadtimeError
from features.events import SECOND
from serving.service import Service

log = logging.getLogger("leadtime.serving")

EVERY_SECONDS = 1.0  # what a crash may lose of the audited reads
HOUR = 3600 * SECOND


class Housekeeping:
    """Each worker process does its own; what several do at once is done once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._forgot_at: int | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return when all that waited is on disk, or the database is away."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def once(self) -> None:
        service, now = self._service, self._service.clock()
        service.audit.flush()
        service.keys.write_used()
        if self._forgot_at is None or now - self._forgot_at >= HOUR:
            self._forgot_at = now
            service.sessions.forget_ended(now)
            service.audit.forget(service.settings.audit_days, now)

    def _work(self) -> None:
        while True:
            ends = self._stop.wait(EVERY_SECONDS)
            try:
                self.once()
            except (LeadtimeError, sqlalchemy.exc.SQLAlchemyError) as error:
                log.warning("housekeeping waits for the database: %s", type(error).__name__)
            if ends:
                return
