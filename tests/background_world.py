"""The background work for tests: a scorer that says what a test wrote down, and the parts without their threads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from serving_world import Clock

from features.catalogue import Catalogue, expand
from features.events import DAY, Event, events_table, to_datetime, to_iso
from features.history import History
from features.settings import Settings
from features.store import Store
from model.decision import CallCosts
from serving.background.lease import Lease
from serving.background.refresh import Refresher
from serving.handoffs.holdout import Holdout
from serving.handoffs.judge import Judge
from serving.registry import Served
from serving.webhooks.courier import Courier
from serving.webhooks.sender import Sender


def page_view(lead_id: str, at: int, n: int = 0) -> Event:
    return Event(event_id=f"{lead_id}-{at}-{n}", lead_id=lead_id, type="page_view", occurred_at=at, recorded_at=at)


def smallest_catalogue() -> Catalogue:
    return expand(History.from_events([page_view("x", 0)]), DAY)


@dataclass
class ScriptedScorer:
    """``call_on``: by lead the date to call on; it is never before the day of asking. Others are not worth a call.
    ``handoff_on``: where it is not the same.
    """

    call_on: dict[str, date | None] = field(default_factory=dict)
    handoff_on: dict[str, date | None] = field(default_factory=dict)
    version: str = "s1"
    horizons: tuple[int, ...] = (7, 30, 90)
    catalogue: Catalogue = field(default_factory=smallest_catalogue)
    asked: list[str] = field(default_factory=list)
    costs: CallCosts = field(default_factory=CallCosts)

    def score_columns(self, lead_ids: list[str], as_of: Any, matrix: Any, reasons: bool = True) -> dict[str, Any]:
        self.asked += lead_ids
        n = len(lead_ids)
        days = [to_datetime(int(t)).date() for t in as_of]
        wanted = [self.call_on.get(lead_id) for lead_id in lead_ids]
        calls = [None if day is None else max(day, today) for day, today in zip(wanted, days, strict=True)]
        later = [None if day is None else day + timedelta(days=10) for day in calls]
        columns: dict[str, Any] = {"lead_id": list(lead_ids), "as_of": [to_iso(int(t)) for t in as_of]}
        columns["readiness"] = np.full(n, 50.0)
        columns |= {f"{kind}_{h}": np.full(n, h / 1000) for kind in ("p", "p_lost") for h in self.horizons}
        columns |= {"window_start": calls, "window_end": later, "window_coverage": 0.8, "median_date": calls}
        columns |= {"call_on": calls, "priority": np.zeros(n)}
        handoffs = [self.handoff_on.get(lead_id, day) for lead_id, day in zip(lead_ids, calls, strict=True)]
        columns |= {"handoff_on": handoffs}
        columns |= {"reasons": [["Because"] for _ in lead_ids], "model_version": self.version}
        return columns


@dataclass
class Models:
    """A model that a test changes."""

    scorer: ScriptedScorer
    registered: str = "1"

    def current(self) -> Served:
        return Served(self.scorer, self.registered)  # type: ignore[arg-type]

    def refresh(self) -> None:
        """A test changes it."""


@dataclass
class Process:
    """What one process of the service does in the background, step by step. ``clock`` begins now."""

    store: Store
    clock: Clock
    models: Models
    settings: Settings = field(default_factory=lambda: Settings(webhook_allow_private=True, handoff_days_ahead=0))

    def __post_init__(self) -> None:
        self.scores, self.webhooks = Lease(self.store, "scores"), Lease(self.store, "webhooks")
        holdout = Holdout(self.settings.handoff_holdout, self.settings.handoff_holdout_salt)
        given = self.settings
        judge = Judge(
            self.store, given.handoff_close_days, holdout, given.events.mail_sent, days_ahead=given.handoff_days_ahead
        )
        self.refresher = Refresher(self.store, self.models, self.clock, self.settings, lease=self.scores, judge=judge)
        sender = Sender(allow_private=self.settings.webhook_allow_private, timeout=2.0)
        self.courier = Courier(self.store, self.webhooks, self.clock, sender, chance=lambda: 0.0)

    def refresh(self) -> None:
        assert self.scores.hold()
        self.refresher.run()

    def deliver(self, endpoint_id: str) -> int:
        """Try all that is due for an endpoint; how many attempts that took."""
        assert self.webhooks.hold()
        attempts = 0
        while self.courier.deliver_one(endpoint_id):
            attempts += 1
        return attempts

    def append(self, events: Iterable[Event]) -> None:
        self.store.append(events_table(events))

    def today(self, days: int = 0) -> date:
        return to_datetime(self.clock.now).date() + timedelta(days=days)


def process(store: Store, scorer: ScriptedScorer | None = None, **settings: Any) -> Process:
    clock = Clock(time.time_ns() // 1000)
    given = Settings(**{"webhook_allow_private": True, "handoff_days_ahead": 0, **settings})
    return Process(store, clock, Models(scorer or ScriptedScorer()), given)
