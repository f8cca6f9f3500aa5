"""What the views work with, put together once for each process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features.events import to_iso
from features.settings import Settings
from features.store import Erasures, Store
from serving.audit.log import Audit
from serving.call_list import CallList
from serving.kept_scores import KeptScores
from serving.keys import Keys
from serving.problems import invalid
from serving.rate_limits import RateLimits
from serving.registry import ModelSource
from serving.sessions import SessionStore
from serving.sign_in import SignIn


@dataclass(frozen=True, eq=False)
class Service:
    """``clock`` gives the time now, in microseconds since 1970 UTC."""

    settings: Settings
    store: Store
    models: ModelSource
    clock: Callable[[], int]
    keys: Keys
    sign_in: SignIn
    call_list: CallList
    kept_scores: KeptScores
    sessions: SessionStore
    limits: RateLimits
    audit: Audit
    erasures: Erasures

    def moment(self, as_of: int | None, place: str = "query") -> int:
        """The as-of time asked for, now if none; 422 when it has not come yet."""
        now = self.clock()
        if as_of is None:
            return now
        if as_of > now:
            got = f"expected a time that has come, got {to_iso(as_of)}; it is now {to_iso(now)}"
            raise invalid(place, {"as_of": [f"{got}. Leave as_of out to score as of now"]})
        return as_of
