"""The days on which a salesperson calls."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)


def working_days(
    start: date, count: int, *, closed: Collection[date] = (), week: Collection[int] = MONDAY_TO_FRIDAY
) -> list[date]:
    """The first ``count`` days from ``start`` on that are in the working ``week`` (0 is Monday) and not ``closed``.

    Fewer where two months have too few of them.
    """
    days = (start + timedelta(days=i) for i in range(61 + 2 * count))
    return [day for day in days if day.weekday() in week and day not in closed][:count]
