"""The contract as it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from features.events import parse_time, to_iso
from model.measurement.contract import LATE, OVERDUE, Contract, Handled, Kept, Week
from serving.measurement.rows import finite

Answer = dict[str, Any]


def contract(found: Contract, promised: int | None) -> Answer:
    """``promised``: qualified leads a week."""
    breaches = sorted([*_of_marketing(found.weeks), *_of_sales(found.handoffs)], key=lambda row: row["since"])
    breaches.reverse()
    return {
        "marketing_breaches": sum(row["side"] == "marketing" for row in breaches),
        "sales_breaches": sum(row["side"] == "sales" for row in breaches),
        "total": person(found.team),
        "weeks": [_week(one, promised) for one in found.weeks],
        "salespeople": [person(one) for one in found.people],
        "rows": breaches,
    }


def person(one: Kept) -> Answer:
    share, hours = one.share, one.hours or (None,) * 3
    names = ("handed_over", "in_time", "late", "overdue", "waiting", "withdrawn", "accepted", "rejected")
    return {
        "owner": one.owner,
        **{name: getattr(one, name) for name in names},
        "kept_share": None if share is None else finite(share.value),
        "kept_share_low": None if share is None else finite(share.low),
        "kept_share_high": None if share is None else finite(share.high),
        **{f"reaction_hours{end}": finite(value) for end, value in zip(("", "_low", "_high"), hours, strict=True)},
    }


def _week(one: Week, promised: int | None) -> Answer:
    return {
        "week": one.monday.isoformat(),
        "handed_over": one.handed_over,
        "rejected": one.rejected,
        "qualified": one.qualified,
        "promised": promised,
        "shortfall": one.shortfall,
    }


def _of_marketing(weeks: Iterable[Week]) -> Iterable[Answer]:
    for one in weeks:
        if one.shortfall:
            over = parse_time(datetime.combine(one.monday + timedelta(days=7), time()))
            yield _breach(side="marketing", since=to_iso(over), week=one.monday.isoformat(), shortfall=one.shortfall)


def _of_sales(handoffs: Iterable[Handled]) -> Iterable[Answer]:
    for one in handoffs:
        if one.state in (LATE, OVERDUE) and one.due_at is not None:
            yield _breach(
                side="sales",
                since=to_iso(one.due_at),
                lead_id=one.lead_id,
                owner=one.owner,
                handed_over_at=to_iso(one.handed_over_at),
                reaction=one.reaction,
                reacted_at=None if one.reacted_at is None else to_iso(one.reacted_at),
                hours=finite(one.hours),
            )


def _breach(**known: Any) -> Answer:
    names = (
        "side", "since", "week", "shortfall", "lead_id", "owner", "handed_over_at", "reaction", "reacted_at", "hours",
    )  # fmt: skip
    return {**dict.fromkeys(names), **known}
