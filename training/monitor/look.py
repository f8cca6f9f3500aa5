"""One look at everything, and its result as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.events import DAY, to_iso
from features.monitor_settings import MonitorSettings
from features.store.monitoring import Forecast
from model.watching.forecasts import Weeks, weeks
from model.watching.sequential import watch
from model.watching.verdict import Check, verdict, why
from training.monitor import checks
from training.monitor.material import Material, gather


@dataclass(frozen=True, eq=False)
class Look:
    """What was found. ``replayed``: of how many weeks the forecasts were made now, as of then."""

    checks: list[Check]
    weeks: Weeks
    replayed: int

    @property
    def verdict(self) -> str:
        return verdict(self.checks)

    @property
    def why(self) -> str:
        return why(self.checks)

    def metrics(self) -> dict[str, float]:
        """The few that are worth a column in MLflow."""
        wanted = {
            "purchases": ("log10_evidence", "expected", "bought"),
            "deadlines": ("log10_evidence", "put_off"),
            "scores": ("index",),
            "features": ("strongest",),
            "channels": ("lowest_share",),
            "windows": ("kept",),
        }
        found = {
            f"{check.name}_{name}": check.figures[name]
            for check in self.checks
            for name in wanted.get(check.name, ())
            if name in check.figures
        }
        ratios = {c.name: c.figures["ratio"] for c in self.checks if "ratio" in c.figures}
        return {name: value for name, value in (found | ratios).items() if math.isfinite(value)}

    def to_json(self, *, at: int, model_version: str) -> dict[str, Any]:
        given, level = self.weeks, watch(self.weeks.steps).log_level / np.log(10)
        return {
            "at": to_iso(at),
            "model_version": model_version,
            "verdict": self.verdict,
            "why": self.why,
            "checks": [_plain(check) for check in self.checks],
            "replayed_weeks": self.replayed,
            "weeks": [
                {"begins": to_iso(int(t))[:10], "leads": int(n), "expected": round(float(e), 3), "bought": int(b),
                 "log10_evidence": round(float(r), 3)}
                for t, n, e, b, r in zip(given.begins, given.leads, given.expected, given.bought, level, strict=True)
            ],
        }  # fmt: skip


def look(
    data: Material,
    given: MonitorSettings,
    kept: Mapping[int, Sequence[Forecast]] | None = None,
    *,
    since: int = 0,
    seed: int = 0,
) -> Look:
    """``kept``: forecasts by the time at which they were kept. ``since``: forecasts made earlier do not count, for
    another model has taken over since because they were wrong.
    """
    since = max(since, data.now - given.weeks * 7 * DAY)
    told, replayed = gather(data, kept or {}, since=since)
    found = weeks(told, tolerance=given.tolerance)
    return Look(
        [
            checks.purchases(found, given),
            *checks.horizons(told, given, seed),
            checks.windows(told, given, promised=data.scorer.window_coverage, seed=seed),
            *checks.drift(data, given),
            checks.deadlines(data, given),
            checks.broken_channels(data, given),
            *checks.ages(data, given),
        ],
        found,
        replayed,
    )


def _plain(check: Check) -> dict[str, Any]:
    figures = {name: round(float(value), 4) for name, value in check.figures.items() if math.isfinite(value)}
    return {**asdict(check), "figures": figures}
