"""Keep what the serving model says of every open lead, once a week: what it is held to when a newer one serves."""

from __future__ import annotations

from collections.abc import Iterable

from features.events import DAY
from features.store import Store
from features.store.erasure import erased
from features.store.monitoring import forget, put_forecasts
from model.watching.forecasts import STEP
from training.monitor.material import Material, forecast


def keep(store: Store, data: Material, kept: Iterable[int], *, forget_before: int) -> bool:
    """Whether a week has passed since the last were kept, so that new ones were."""
    # from midnight, when it can be: then looks of one day do not differ
    at = max(data.now // DAY * DAY, data.learned_until)
    if at > data.now or at < max(kept, default=0) + STEP * DAY:
        return False
    told = forecast(data, at)
    with store.writing() as connection:
        store.lock_log(connection)  # nobody is erased meanwhile
        gone = erased(connection, [one.lead_id for one in told])
        put_forecasts(connection, [one for one in told if one.lead_id not in gone])
        forget(connection, forget_before)
    return True
