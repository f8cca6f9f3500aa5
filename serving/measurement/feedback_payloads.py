"""What the reports back to marketing are asked and answered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from serving.measurement.payloads import By, PeriodQuery, ReportAnswer, ReportRow


class FeedbackQuery(PeriodQuery):
    by: By = Field("channel", description="through which the leads came")


class SatisfiedQuery(PeriodQuery):
    against: Literal["customers", "rated", "lost"] = Field(
        "customers", description="all other customers, those of them who told how satisfied they are, or lost leads"
    )


class FeedbackRow(ReportRow):
    channel: str | None = Field(description="through which the leads came; null: not through marketing")
    campaign: str | None
    wins: int
    lost: int
    satisfaction: float | None = Field(description="mean of the customers who told it, 0 to 10")
    satisfaction_low: float | None
    satisfaction_high: float | None
    answers: int = Field(description="customers who told it")
    calls: int
    too_early: int
    on_time: int
    too_late: int
    not_a_buyer: int
    wrong_person: int
    no_answer: int
    other: int = Field(description="calls that ended with another word or none")
    on_time_share: float | None = Field(description="of calls that were too early, on time or too late")
    on_time_share_low: float | None
    on_time_share_high: float | None
    too_early_share: float | None
    too_early_share_low: float | None
    too_early_share_high: float | None
    handed_over: int
    rejected: int = Field(description="of the leads handed over in the period, given back by sales since")
    rejected_share: float | None
    rejected_share_low: float | None
    rejected_share_high: float | None


class FeedbackReport(ReportAnswer):
    """What came back from sales. Each thing counts by when it happened."""

    by: By
    total: FeedbackRow
    rows: list[FeedbackRow]


class ReasonRow(ReportRow):
    outcome: Literal["purchased", "lost", "rejected"]
    reason: str | None = Field(description="null: none was told")
    leads: int
    share: float = Field(description="of the leads of this outcome")
    share_low: float
    share_high: float


class ReasonsReport(ReportAnswer):
    """Why leads ended and handoffs were rejected, in the words of sales."""

    rows: list[ReasonRow]


class _Groups(ReportAnswer):
    against: Literal["customers", "rated", "lost"]
    satisfied_from: float
    satisfied: int = Field(description="customers of this satisfaction or more")
    others: int = Field(description="with whom they are compared")


class FactRow(ReportRow):
    kind: Literal["content", "section", "channel", "campaign", "trait"]
    name: str | None = Field(description="of the trait")
    value: str
    satisfied: int = Field(description="most satisfied customers of whom it is true")
    satisfied_of: int = Field(description="of so many; of a trait, those of whom it is known")
    satisfied_share: float
    others: int
    others_of: int
    others_share: float
    lift: float | None = Field(description="ratio of the shares; null: none of the others")
    lift_low: float
    lift_high: float | None
    p: float = Field(description="Fisher's exact test of no difference")
    q: float = Field(description="of the rows with a q of this or less, the expected share of chance findings")


class SatisfiedReport(_Groups):
    """What the most satisfied customers read, how they came and what they are like, the strongest evidence first."""

    compared: int = Field(description="so many facts were compared at once, which q takes into account")
    rows: list[FactRow]


class PathRow(ReportRow):
    kind: Literal["channel", "content"]
    first: str
    middle: str | None = Field(description="null: fewer than three touches")
    last: str | None = Field(description="null: one touch")
    satisfied: int
    satisfied_share: float
    others: int
    others_share: float | None


class PathsReport(_Groups):
    """The most frequent paths of the most satisfied customers."""

    rows: list[PathRow]
