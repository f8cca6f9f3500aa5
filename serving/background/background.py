"""The background work of one process: takes part in it as far as no other process does it already."""

from __future__ import annotations

import time
from collections.abc import Callable

from features.settings import Settings
from features.store import Store
from serving.background.lease import Lease
from serving.background.refresh import Refresher
from serving.background.worker import Worker
from serving.handoffs.holdout import Holdout
from serving.handoffs.judge import Judge
from serving.registry import ModelSource
from serving.webhooks.courier import Courier
from serving.webhooks.sender import Sender

STOP_SECONDS = 5.0  # for what is under way; what takes longer is done again by whoever takes over


class Background:
    """Scores with their handoffs under one lease, deliveries under another, so that neither waits for the other."""

    def __init__(self, store: Store, models: ModelSource, clock: Callable[[], int], settings: Settings) -> None:
        scores, webhooks = Lease(store, "scores"), Lease(store, "webhooks")
        judge = Judge(
            store,
            settings.handoff_close_days,
            Holdout(settings.handoff_holdout, settings.handoff_holdout_salt),
            settings.events.mail_sent,
            days_ahead=settings.handoff_days_ahead,
        )
        refresher = Refresher(store, models, clock, settings, lease=scores, judge=judge)
        self._courier = Courier(store, webhooks, clock, Sender(allow_private=settings.webhook_allow_private))
        self._workers = [
            Worker(scores, refresher.step, taken=refresher.taken),
            Worker(webhooks, self._courier.step),
        ]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Let other processes have the leases, as soon as what is under way is done."""
        until = time.monotonic() + STOP_SECONDS
        self._workers[0].stop()
        self._courier.stop()
        self._courier.join(STOP_SECONDS - 1)  # under the lease, which ends with the worker
        self._workers[1].stop()
        for worker in self._workers:
            worker.join(max(until - time.monotonic(), 0.0))
