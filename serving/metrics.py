"""Prometheus metrics at ``/metrics``: requests, intake, what waits, how old the scores are, which model serves.

With several workers each writes its counts into files of one folder, and whoever is asked adds them up. The folder is
made by `python -m serving` before the workers start: prometheus_client looks for it when it is imported. What is no
count (ages, queues, the model) is looked at when it is asked for, in the worker that answers.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator

from apiflask import APIBlueprint, APIFlask
from flask import Response, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric

from features.errors import LeadtimeError
from features.events import SECOND
from features.store import Appended
from serving.access import given_key
from serving.audit.requests import route
from serving.background import drift, score_table
from serving.monitor.gauges import monitor_gauges
from serving.problems import problem
from serving.service import Service
from serving.webhooks import queue

log = logging.getLogger("leadtime.serving")

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Metrics:
    """The metrics of one process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._own = CollectorRegistry()
        self._watched: dict[str, tuple[str, Callable[[], float]]] = {}
        self.seconds = Histogram(
            "leadtime_request_seconds",
            "How long requests took",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=self._own,
        )
        self.intake = Counter("leadtime_events", "Events by what became of them", ["outcome"], registry=self._own)
        self.watch("leadtime_audit_waiting", "Audit entries in memory alone", lambda: service.audit.waiting)
        self.watch("leadtime_audit_dropped", "Reads that the audit log lost", lambda: service.audit.dropped)
        self.watch("leadtime_scores_age_seconds", "For how long events may be missing from the call list", self._age)
        self.watch(
            "leadtime_score_drift",
            "Population stability index of the readiness of open leads, since this model took over",
            self._drift,
        )

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """A gauge whose value is looked at when it is asked for. LeadtimeError from ``value``: left out."""
        self._watched[name] = help_text, value

    def count(self, appended: Appended) -> None:
        """What became of the events of one append."""
        for outcome in ("accepted", "duplicates", "erased"):
            n = getattr(appended, outcome)
            if n:
                self.intake.labels(outcome).inc(n)

    def text(self) -> bytes:
        together = CollectorRegistry()
        if os.environ.get(FOLDER):
            multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            found = generate_latest(together)
        else:
            found = generate_latest(self._own)
        alone = CollectorRegistry()
        alone.register(self)
        ProcessCollector(registry=alone)
        PlatformCollector(registry=alone)
        return found + generate_latest(alone)

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks its collectors."""
        for name, (help_text, value) in self._watched.items():
            try:
                yield GaugeMetricFamily(name, help_text, value=value())
            except LeadtimeError as error:
                log.debug("%s: %s", name, type(error).__name__)
        try:
            yield from self._deliveries()
        except LeadtimeError as error:
            log.debug("deliveries: %s", type(error).__name__)
        try:
            yield from monitor_gauges(self._service.store, self._service.clock())
        except LeadtimeError as error:
            log.debug("monitor: %s", type(error).__name__)
        model = InfoMetricFamily("leadtime_model", "The model that serves")
        try:
            served = self._service.models.current()
        except LeadtimeError:
            yield GaugeMetricFamily("leadtime_model_loaded", "Whether a model serves", value=0)
            return
        model.add_metric([], {"version": served.version, "registered": served.registered})
        yield model
        yield GaugeMetricFamily("leadtime_model_loaded", "Whether a model serves", value=1)

    def _age(self) -> float:
        with self._service.store.reading() as connection:
            found = score_table.set_in_service(connection)
        return float("nan") if found is None else (self._service.clock() - found.as_of) / SECOND

    def _drift(self) -> float:
        with self._service.store.reading() as connection:
            found = score_table.set_in_service(connection)
            return float("nan") if found is None else drift.since_taken_over(connection, found)

    def _deliveries(self) -> Iterator[Metric]:
        with self._service.store.reading() as connection:
            waiting = queue.depths(connection)
        depth = GaugeMetricFamily("leadtime_webhook_deliveries", "Deliveries that wait or are dead", labels=["state"])
        for state in (queue.PENDING, queue.DEAD):
            depth.add_metric([state], waiting.get(state, (0, 0))[0])
        yield depth
        oldest = waiting.get(queue.PENDING, (0, None))[1]
        age = 0.0 if oldest is None else (self._service.clock() - oldest) / SECOND
        yield GaugeMetricFamily("leadtime_webhook_oldest_seconds", "How long the oldest delivery has waited", value=age)


def metrics(service: Service, measured: Metrics) -> APIBlueprint:
    bp = APIBlueprint("metrics", __name__, enable_openapi=False)

    @bp.get("/metrics")
    def show() -> Response:
        if not service.settings.metrics_open:
            key = service.keys.verify(given_key())
            if key is None or not key.allows("read"):
                raise problem(
                    401 if key is None else 403,
                    "expected a key with the scope read; the setting metrics_open does without",
                    headers={"WWW-Authenticate": 'Bearer realm="leadtime"'},
                )
        return Response(measured.text(), content_type=CONTENT_TYPE_LATEST)

    return bp


def register(app: APIFlask, measured: Metrics) -> None:
    @app.after_request
    def observe(response: Response) -> Response:
        rule = request.url_rule
        name = "none" if rule is None else route(rule.rule)
        method = request.method if rule is not None else "none"  # a made-up one would be a series of its own
        measured.seconds.labels(method, name, response.status_code).observe(time.perf_counter() - g.started)
        return response
