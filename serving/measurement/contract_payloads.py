"""What the report on the contract is asked and answered."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from serving.measurement.payloads import PeriodQuery, ReportAnswer, ReportRow


class ContractQuery(PeriodQuery):
    part: Literal["breaches", "weeks", "salespeople"] = Field(
        "breaches", description="which list is the rows of the file; JSON has all of them"
    )

    @property
    def listed(self) -> str:
        return "rows" if self.part == "breaches" else self.part


class ContractWeekRow(ReportRow):
    week: date = Field(description="its Monday (UTC)")
    handed_over: int = Field(description="leads, each once in a week; held out ones never count")
    rejected: int = Field(description="of them, sent back as unqualified")
    qualified: int
    promised: int | None
    shortfall: int | None = Field(
        description="null without a commitment, and for a week that is not wholly in the period"
    )


class ContractPersonRow(ReportRow):
    """How a salesperson reacted to handoffs of the period. ``_low``, ``_high``: 95 % intervals."""

    owner: str | None
    handed_over: int = Field(description="handoffs that somebody was told of")
    in_time: int
    late: int = Field(description="reacted to after the time")
    overdue: int = Field(description="not reacted to, and the time is over")
    waiting: int = Field(description="not reacted to, and there is time")
    withdrawn: int = Field(description="the window closed by itself while there was time")
    accepted: int
    rejected: int
    kept_share: float | None = Field(description="in time, of those that are in time, late or overdue")
    kept_share_low: float | None
    kept_share_high: float | None
    reaction_hours: float | None = Field(description="median to the first reaction; null: most not reacted to yet")
    reaction_hours_low: float | None
    reaction_hours_high: float | None = Field(description="null beside a median: may be never, or too few leads")


class BreachRow(ReportRow):
    """A week in which marketing handed over too few, or a handoff to which sales did not react in time."""

    side: Literal["marketing", "sales"]
    since: str = Field(description="from when on it was a breach")
    week: date | None = Field(description="of marketing's: its Monday (UTC)")
    shortfall: int | None
    lead_id: str | None
    owner: str | None
    handed_over_at: str | None
    reaction: Literal["accepted", "rejected", "sales_call", "purchased", "lost"] | None = Field(
        description="the first one; null: none so far"
    )
    reacted_at: str | None
    hours: float | None = Field(description="that count, to the reaction, else until now")


class ContractReport(ReportAnswer):
    """Both commitments. The rows are the breaches, the latest first."""

    qualified_per_week: int | None
    reaction_hours: float
    hours: Literal["working", "calendar"]
    marketing_breaches: int
    sales_breaches: int
    total: ContractPersonRow = Field(description="all salespeople")
    weeks: list[ContractWeekRow]
    salespeople: list[ContractPersonRow]
    rows: list[BreachRow]
