"""From the journeys to the answers of the reports."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from features.events import EARLIEST, to_iso
from features.settings import Settings
from model.measurement.attribution import MODELS, Options, attribute, cohort
from model.measurement.contract import contract
from model.measurement.exact import MONEY_UNITS
from model.measurement.feedback import feedback, reasons
from model.measurement.handoff_lift import arms
from model.measurement.journeys import Journeys
from model.measurement.kept import base_rates, chances_kept, windows_kept
from model.measurement.period import Period
from model.measurement.predicted import followed
from model.measurement.returns import returns
from model.measurement.salespeople import Team, salespeople
from model.measurement.satisfied import Groups, groups, paths, profile
from model.measurement.sourced import sourced
from serving.measurement import contract_rows, lift_rows, rows
from serving.measurement.contract_payloads import ContractQuery
from serving.measurement.feedback_payloads import FeedbackQuery, SatisfiedQuery
from serving.measurement.inputs import Inputs
from serving.measurement.lift_payloads import LiftQuery
from serving.measurement.payloads import AttributionQuery, PeriodQuery, ReturnsQuery, SplitQuery
from serving.problems import invalid

Answer = dict[str, Any]


class Reports:
    """Each method makes one report as of ``now`` (microseconds since 1970 UTC); 422 for a period that ends before it
    begins.
    """

    def __init__(self, inputs: Inputs, settings: Settings) -> None:
        self._inputs, self._settings = inputs, settings
        given = settings.measurement
        self._options = Options(visit_minutes=given.visit_minutes, half_life_days=given.half_life_days)

    def sourced(self, query: PeriodQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        found = sourced(data, period)
        return {
            **head,
            "total": asdict(found.total),
            "handed_over": found.handed_over,
            "handed_over_without_window": found.handed_over_without_window,
            "ripe_leads": found.ripe_leads,
            "computed_afterwards": found.ripe_afterwards,
            "rows": [{"month": month, **asdict(won)} for month, won in found.months.items()],
        }

    def sources(self, query: PeriodQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        return {**head, "rows": [asdict(one) for one in sourced(data, period).sources]}

    def attribution(self, query: AttributionQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        group = cohort(data, period, query.by, self._options)
        wanted = MODELS if query.model is None else (query.model,)
        return {
            **head,
            "by": query.by,
            "wins": len(group.wins.month),
            "value": int(group.wins.amount.sum()) / MONEY_UNITS,
            "rows": [row for model in wanted for row in rows.credited(attribute(group, model, self._options))],
        }

    def returns(self, query: ReturnsQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        group = cohort(data, period, query.by, self._options)
        spend = self._inputs.spend(period, now)
        found = returns(attribute(group, query.model, self._options), spend, query.by)
        return {
            **head,
            "by": query.by,
            "model": query.model,
            "spend": int(spend.amount.sum()) / MONEY_UNITS,
            "ripe_leads": len(group.ripe.month),
            "wins": len(group.wins.month),
            "value": int(group.wins.amount.sum()) / MONEY_UNITS,
            "rows": [rows.returned(one) for one in found],
        }

    def salespeople(self, query: PeriodQuery, now: int) -> Answer:
        return self.team(query, now)[1]

    def team(self, query: PeriodQuery, now: int) -> tuple[Team, Answer]:
        """What the picture shows, and the report on salespeople."""
        data, period, head = self._begin(query, now)
        team = salespeople(data, period)
        return team, {
            **head,
            "leads": team.leads,
            "wins": team.wins,
            "expected_wins": round(team.expected, 4),
            "ratio": rows.finite(team.ratio),
            "computed_afterwards": team.afterwards,
            "without_score": team.without_score,
            "rows": [rows.salesperson(one) for one in team.people],
        }

    def windows(self, query: SplitQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        trait = query.trait or self._settings.measurement.segment
        whole, *groups = windows_kept(data, period, query.by, trait)
        answer = {"total": rows.windows(whole), "rows": [rows.windows(g) for g in groups]}
        return {**head, **_split(query, trait), **_afterwards(data, period), **answer}

    def calibration(self, query: SplitQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        trait = query.trait or self._settings.measurement.segment
        found = chances_kept(data, period, query.by, trait)
        total, groups = ([rows.chances(one) for one in found if one.whole is whole] for whole in (True, False))
        return {**head, **_split(query, trait), **_afterwards(data, period), "total": total, "rows": groups}

    def base_rates(self, query: PeriodQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        return {**head, "rows": [rows.base_rate(one) for one in base_rates(data, period, self._settings.horizons)]}

    def feedback(self, query: FeedbackQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        total, *parts = feedback(data, period, query.by)
        return {**head, "by": query.by, "total": rows.told_back(total), "rows": [rows.told_back(one) for one in parts]}

    def reasons(self, query: PeriodQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        return {**head, "rows": [rows.reason(one) for one in reasons(data, period)]}

    def satisfied(self, query: SatisfiedQuery, now: int) -> Answer:
        data, compared, head = self._compare(query, now)
        found = profile(data, compared)
        return {**head, "compared": len(found), "rows": [rows.fact(one) for one in found]}

    def satisfied_paths(self, query: SatisfiedQuery, now: int) -> Answer:
        data, compared, head = self._compare(query, now)
        return {**head, "rows": [rows.path(one) for one in paths(data, compared)]}

    def _compare(self, query: SatisfiedQuery, now: int) -> tuple[Journeys, Groups, Answer]:
        data, period, head = self._begin(query, now)
        least = self._settings.measurement.satisfied_from
        compared = groups(data, period, least, query.against)
        sizes = {"satisfied": int(compared.satisfied.sum()), "others": int(compared.others.sum())}
        return data, compared, {**head, "against": query.against, "satisfied_from": least, **sizes}

    def contract(self, query: ContractQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        agreed, closed = self._inputs.agreed(data)
        given = self._settings.contract
        answer = contract_rows.contract(contract(data, period, agreed, closed), given.qualified_per_week)
        return {**head, **given.model_dump(), **answer}

    def lift(self, query: LiftQuery, now: int) -> Answer:
        data, period, head = self._begin(query, now)
        given = self._settings
        return {**head, **lift_rows.lift(arms(data, period), given.horizons, query.hoped, given.handoff_holdout)}

    def _begin(self, query: PeriodQuery, now: int) -> tuple[Journeys, Period, Answer]:
        if query.since is not None and query.until is not None and query.since >= query.until:
            got = f"expected a time after since ({to_iso(query.since)}), got {to_iso(query.until)}"
            raise invalid("query", {"until": [f"{got}. A report is of what happened from since on, before until"]})
        data = self._inputs.journeys(now)
        until = data.known_by + 1 if query.until is None else min(query.until, data.known_by + 1)
        since = EARLIEST if query.since is None else query.since
        head = {
            "as_of": to_iso(data.known_by),
            "since": None if query.since is None else to_iso(query.since),
            "until": to_iso(min(until, data.known_by)),
        }
        return data, Period(since, until), head


def _afterwards(data: Journeys, period: Period) -> Answer:
    return {"computed_afterwards": int(followed(data, period).afterwards.sum())}


def _split(query: SplitQuery, trait: str) -> Answer:
    return {"by": query.by, "trait": trait if query.by == "segment" else None}
