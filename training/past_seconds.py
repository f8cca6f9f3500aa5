"""What the stages of the last training took: kept with its run, and what the next one expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from training.tracking import EXPERIMENT, Run, Tracking

TAG = "stage_seconds"


@dataclass(frozen=True)
class Past:
    """``seconds``: by stage; ``events``: that were learned from. Empty where no run before has told."""

    seconds: dict[str, float] = field(default_factory=dict)
    events: int = 0


def keep(run: Run, seconds: Mapping[str, float], events: int) -> None:
    rounded = {name: round(took, 2) for name, took in seconds.items()}
    run.log(tags={TAG: json.dumps({"events": events, "seconds": rounded})})


def newest(tracking: Tracking) -> Past:
    """Of the newest run that came to its end. Estimates are a comfort: whatever is wrong with them stops nothing."""
    experiment = tracking.client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return Past()
    runs = tracking.client.search_runs(
        [experiment.experiment_id],
        filter_string=f"attributes.status = 'FINISHED' and tags.{TAG} LIKE '%seconds%'",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    if not runs:
        return Past()
    try:
        found = json.loads(runs[0].data.tags[TAG])
        return Past({str(k): float(v) for k, v in found["seconds"].items()}, int(found["events"]))
    except (ValueError, LookupError, TypeError, AttributeError):
        return Past()
