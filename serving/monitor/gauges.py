"""What the newest run of the watch found, as Prometheus metrics. Read from the database: all workers say the same."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from features.events import SECOND
from features.store import Store
from features.store.monitoring import newest_results
from model.watching.verdict import LEVELS, UNKNOWN


def monitor_gauges(store: Store, now: int) -> Iterator[Metric]:
    """None while the watch has not run yet: an alert on an absent metric tells."""
    with store.reading() as connection:
        found = newest_results(connection, 1)
    if not found:
        return
    levels = "0 fine, 1 look at this, 2 retrain now"
    yield GaugeMetricFamily("leadtime_monitor_verdict", f"Of the watch: {levels}", value=LEVELS[found[0].verdict])
    age = (now - found[0].at) / SECOND
    yield GaugeMetricFamily("leadtime_monitor_age_seconds", "How long ago the watch last looked", value=age)
    status = GaugeMetricFamily("leadtime_monitor_check", f"Each check of the watch: {levels}", labels=["check"])
    figure = GaugeMetricFamily("leadtime_monitor_figure", "What checks rest on", labels=["check", "figure"])
    for check in found[0].result["checks"]:
        if check["status"] != UNKNOWN:
            status.add_metric([check["name"]], LEVELS[check["status"]])
        for name, value in check["figures"].items():
            figure.add_metric([check["name"], name], value)
    yield status
    yield figure
