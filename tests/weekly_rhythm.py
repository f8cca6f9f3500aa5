"""A market that never changes, in which everything happens from Monday to Friday."""

from __future__ import annotations

import numpy as np

from features.catalogue import Catalogue
from features.events import DAY, Event
from features.feature_spec import ENGAGEMENT, FeatureSpec
from features.history import History

OPEN_DAYS = 60
CATALOGUE = Catalogue(
    (
        FeatureSpec(name="age_days", aggregation="age"),
        FeatureSpec(name="days_since_engagement", aggregation="recency", types=(ENGAGEMENT,)),
    )
)


def weekly_rhythm(begins: int, days: int, *, a_day: int = 3) -> History:
    """``begins``: a midnight. Of each day's new leads each is open for ``OPEN_DAYS``, and comes on most weekdays."""
    rng, rows = np.random.default_rng(1), []

    def say(lead: str, what: str, at: int) -> None:
        rows.append(Event(event_id=f"{lead} {at}", lead_id=lead, type=what, occurred_at=at, recorded_at=at))

    for day in range(days):
        for n in range(a_day):
            lead, start = f"{day} {n}", begins + day * DAY
            say(lead, "identify", start)
            for at in (start + k * DAY for k in range(OPEN_DAYS)):
                if (at // DAY + 3) % 7 < 5 and rng.random() < 0.6:  # 1970 began on a Thursday
                    say(lead, "page_view", at + int(rng.uniform(0.3, 0.7) * DAY))
            say(lead, "lost", start + OPEN_DAYS * DAY)
    end = begins + days * DAY
    return History.from_events([row for row in rows if row.occurred_at < end])
