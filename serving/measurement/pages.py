"""The reports as pages for people who signed in. Server-rendered, no script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from apiflask import APIBlueprint
from flask import Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from serving.access import signed_in
from serving.audit.requests import concerns
from serving.measurement import columns, contract_payloads, feedback_payloads, lift_payloads, payloads
from serving.measurement.api import answered
from serving.measurement.columns import Column
from serving.measurement.facts import computed_afterwards, of_lift, sizes
from serving.measurement.funnel import Funnel, draw_funnel
from serving.measurement.reports import Answer, Reports
from serving.problems import field_errors, invalid
from serving.service import Service

BY = {"channel": "by channel", "campaign": "by campaign"}
PARTS: tuple[str, ...] = ("handoffs", "kept", "early", "late", "lost", "not_bought", "open")
AGAINST = {"customers": "against all other customers", "rated": "against others who told", "lost": "against lost leads"}
SPLIT = {"month": "by month", "channel": "by channel", "segment": "by segment"}


@dataclass(frozen=True)
class Page:
    """``facts``: what stands above the table. ``choices``: of query fields, value to label; "" is none.

    ``more``: further tables of the same rows, each under its heading, where one would be too wide.
    """

    title: str
    about: str
    make: Callable[[Reports, Any, int], Answer]
    query: type[payloads.PeriodQuery]
    answer: type[BaseModel]
    columns: tuple[Column, ...]
    facts: Callable[[Answer], Sequence[tuple[str, Any]]] = lambda _: ()
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    more: dict[str, tuple[Column, ...]] = field(default_factory=dict)


PAGES: dict[str, Page] = {
    "sourced": Page(
        "Through marketing",
        "Customers by the month of their purchase. Through marketing: the first touch, sales' own aside, came by a "
        "channel. Influenced: any touch by one, until the purchase. Ripe: handed over before the first sales call with "
        "the purchase window open.",
        Reports.sourced,
        payloads.PeriodQuery,
        payloads.SourcedReport,
        columns.SOURCED,
        lambda answer: (
            ("customers", answer["total"]["wins"]),
            ("through marketing", answer["total"]["sourced_wins"]),
            ("influenced", answer["total"]["influenced_wins"]),
            ("handed over ripe", answer["total"]["ripe_wins"]),
            ("value", answer["total"]["value"]),
            ("ripe leads", answer["ripe_leads"]),
            *computed_afterwards(answer),
            ("handed over without window", answer["handed_over_without_window"]),
        ),
    ),
    "sources": Page(
        "Sources",
        "By the channel through which leads came: that of their first touch, sales' own aside.",
        Reports.sources,
        payloads.PeriodQuery,
        payloads.SourcesReport,
        columns.SOURCES,
    ),
    "attribution": Page(
        "Attribution",
        "To which touches the purchases of the period are credited. Each model's credits add up to all of them.",
        Reports.attribution,
        payloads.AttributionQuery,
        payloads.AttributionReport,
        columns.CREDITED,
        lambda answer: (("customers", answer["wins"]), ("value", answer["value"])),
        {"by": BY, "model": {"": "all models", **columns.MODEL_NAMES}},
    ),
    "returns": Page(
        "Return on spend",
        "What was spent in the period and what is credited in it. Purchases come after the spend that led to them: "
        "months are to be read with the length of your journeys in mind.",
        Reports.returns,
        payloads.ReturnsQuery,
        payloads.ReturnsReport,
        columns.RETURNS,
        lambda answer: (
            ("spend", answer["spend"]),
            ("ripe leads", answer["ripe_leads"]),
            ("customers", answer["wins"]),
            ("value", answer["value"]),
        ),
        {"by": BY, "model": columns.MODEL_NAMES},
    ),
    "salespeople": Page(
        "Salespeople",
        "On leads of equal quality: won against what the model expected of these leads when they were handed over. "
        "Luck taken off: what is left when small numbers are not believed to the full, with 95 % intervals.",
        Reports.salespeople,
        payloads.PeriodQuery,
        payloads.SalespeopleReport,
        columns.SALESPEOPLE,
        lambda answer: (
            ("leads with a score", answer["leads"]),
            ("won", answer["wins"]),
            ("expected", answer["expected_wins"]),
            *computed_afterwards(answer),
            ("without a score", answer["without_score"]),
        ),
        more={"Time given to them": columns.SALESPEOPLE_TIME},
    ),
    "windows": Page(
        "Windows kept",
        "Whether those who bought did so within the purchase window of their handoff. Open ones are not broken.",
        Reports.windows,
        payloads.SplitQuery,
        payloads.WindowsReport,
        columns.WINDOWS,
        lambda answer: (
            *((part.replace("_", " "), answer["total"][part]) for part in PARTS),
            *computed_afterwards(answer),
        ),
        {"by": SPLIT},
    ),
    "calibration": Page(
        "Predicted and happened",
        "The mean chance at the handoff to buy within so many days, and the share that did, open ones counted as open.",
        Reports.calibration,
        payloads.SplitQuery,
        payloads.CalibrationReport,
        columns.CALIBRATION,
        computed_afterwards,
        choices={"by": SPLIT},
    ),
    "base-rates": Page(
        "Base rates",
        "How many of the leads first seen in a month bought within so many days. Drift: the month's interval does not "
        "hold the rate of all months.",
        Reports.base_rates,
        payloads.PeriodQuery,
        payloads.BaseRatesReport,
        columns.BASE_RATES,
    ),
    "feedback": Page(
        "Feedback",
        "What came back from sales, by the channel or campaign through which leads came. Given back: of the leads "
        "handed over in the period, those that sales rejected since.",
        Reports.feedback,
        feedback_payloads.FeedbackQuery,
        feedback_payloads.FeedbackReport,
        columns.FEEDBACK_ENDINGS,
        choices={"by": BY},
        more={"How calls went": columns.FEEDBACK_CALLS},
    ),
    "reasons": Page(
        "Reasons",
        "Why leads bought, were lost, or were given back by sales, in the words of sales.",
        Reports.reasons,
        payloads.PeriodQuery,
        feedback_payloads.ReasonsReport,
        columns.REASONS,
    ),
    "satisfied": Page(
        "Most satisfied",
        "What the most satisfied customers did and are more often than others, the strongest evidence first. Many "
        "facts are compared at once, so some differ by chance: the last column says what share of the rows so far.",
        Reports.satisfied,
        feedback_payloads.SatisfiedQuery,
        feedback_payloads.SatisfiedReport,
        columns.SATISFIED,
        lambda answer: (*sizes(answer), ("facts compared", answer["compared"])),
        {"against": AGAINST},
    ),
    "satisfied-paths": Page(
        "Their paths",
        "The first, the middle and the last touch of the most satisfied customers, by channel and by what they read: "
        "the most frequent ones. Touches alike that follow each other are one.",
        Reports.satisfied_paths,
        feedback_payloads.SatisfiedQuery,
        feedback_payloads.PathsReport,
        columns.SATISFIED_PATHS,
        sizes,
        {"against": AGAINST},
    ),
    "contract": Page(
        "Contract",
        "Marketing owes qualified leads each week: handed over, not held out, and not sent back as unqualified. Sales "
        "owes a reaction within some hours: accepting or sending back, a call, or an outcome. Breaches of both.",
        Reports.contract,
        contract_payloads.ContractQuery,
        contract_payloads.ContractReport,
        columns.BREACHES,
        lambda answer: (
            ("qualified leads a week owed", answer["qualified_per_week"]),
            (f"{answer['hours']} hours to react", answer["reaction_hours"]),
            ("weeks too short", answer["marketing_breaches"]),
            ("reactions too late", answer["sales_breaches"]),
            ("in time", answer["total"]["in_time"]),
            ("waiting", answer["total"]["waiting"]),
        ),
        {"part": {"breaches": "breaches", "weeks": "by week", "salespeople": "by salesperson"}},
    ),
    "lift": Page(
        "Lift",
        "What handing over brings: leads whose window opened and that were handed over, against those that a draw held "
        "out, each in the group that the draw put it in, whatever sales did. p: chance of a difference so large if "
        "handing over did nothing.",
        Reports.lift,
        lift_payloads.LiftQuery,
        lift_payloads.LiftReport,
        columns.LIFT,
        of_lift,
        {
            "hoped": {str(lift): f"{100 * lift:.0f} % hoped for" for lift in (0.1, 0.2, 0.5, 1.0)},
        },
    ),
}


def report_pages(service: Service, made: Reports) -> APIBlueprint:
    bp = APIBlueprint("report_pages", __name__, enable_openapi=False)

    @bp.get("/reports")
    @signed_in(service)
    def first() -> ResponseReturnValue:
        return redirect(url_for("report_pages.report", name="sourced"))

    @bp.get("/reports/<name>")
    @signed_in(service)
    def report(name: str) -> ResponseReturnValue:
        page = PAGES.get(name) or abort(404)
        query = _query(page.query)
        funnel = None
        if name == "salespeople":
            team, answer = made.team(query, service.clock())
            funnel = draw_funnel(team)
        else:
            answer = page.make(made, query, service.clock())
        concerns(row["lead_id"] for row in answer["rows"] if row.get("lead_id") is not None)
        if query.format == "csv":
            return answered(answer, query, page.answer)
        return _rendered(name, page, query, answer, funnel)

    return bp


def _query(model: type[payloads.PeriodQuery]) -> payloads.PeriodQuery:
    """From the address; a field of the form that was left empty is absent."""
    try:
        return model.model_validate({field: value for field, value in request.args.items() if value.strip()})
    except ValidationError as error:
        raise invalid("query", field_errors(error)) from None


def _rendered(
    name: str, page: Page, query: payloads.PeriodQuery, answer: Answer, funnel: Funnel | None
) -> str | Response:
    rows, shown = answer[query.listed], page.columns
    if isinstance(query, contract_payloads.ContractQuery):
        shown = columns.CONTRACT[query.part]
    if isinstance(query, payloads.AttributionQuery) and query.model is None:
        rows, shown = columns.side_by_side(rows), columns.MODELS_SIDE_BY_SIDE
    tables = {"": shown, **page.more}
    if getattr(query, "by", None) == "channel" and page.query is not payloads.SplitQuery:
        tables = {name: tuple(one for one in table if one is not columns.CAMPAIGN) for name, table in tables.items()}
    totals = answer.get("total", []) if getattr(query, "part", "salespeople") == "salespeople" else []
    return render_template(
        "report.html",
        name=name,
        page=page,
        pages=PAGES,
        answer=answer,
        facts=[(label, value) for label, value in page.facts(answer) if value is not None],
        tables=tables,
        rows=rows,
        totals=totals if isinstance(totals, list) else [totals],
        choices={one: (options, str(getattr(query, one) or "")) for one, options in page.choices.items()},
        trait=answer["trait"] if getattr(query, "by", None) == "segment" else None,
        since=request.args.get("since", ""),
        until=request.args.get("until", ""),
        given={key: value for key, value in request.args.items() if value.strip() and key != "format"},
        funnel=funnel,
    )
