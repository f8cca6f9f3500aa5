"""GET /v1/reports/...: what marketing and sales brought, as JSON or CSV."""

from __future__ import annotations

from typing import Any, get_args

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel

from serving.access import SECURITY, needs
from serving.audit.requests import concerns
from serving.headers import json_answer
from serving.measurement import contract_payloads, feedback_payloads, lift_payloads, payloads
from serving.measurement.reports import Answer, Reports
from serving.measurement.tables import csv_answer
from serving.service import Service

RESPONSES: dict[int, Any] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "description": "the rows, under a header"}}}},
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def reports(service: Service, made: Reports) -> APIBlueprint:
    bp = APIBlueprint("reports", __name__, url_prefix="/v1/reports", tag="Reports")
    _marketing(bp, service, made)
    _sales(bp, service, made)
    _back(bp, service, made)
    return bp


def answered(answer: Answer, query: payloads.PeriodQuery, model: type[BaseModel]) -> Response:
    """As JSON, or its rows as CSV where that was asked for."""
    if query.format == "json":
        return json_answer(answer)
    row = get_args(model.model_fields[query.listed].annotation)[0]
    return csv_answer(request.path.rpartition("/")[2], list(row.model_fields), answer[query.listed])


def _marketing(bp: APIBlueprint, service: Service, made: Reports) -> None:
    reads = needs(service, "read")

    @bp.get("/sourced")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_sourced")
    @bp.input(payloads.PeriodQuery, location="query")
    @bp.output(payloads.SourcedReport)
    def report_sourced(query_data: payloads.PeriodQuery) -> Response:
        """Purchases that came through marketing, were influenced by it, were handed over ripe"""
        return answered(made.sourced(query_data, service.clock()), query_data, payloads.SourcedReport)

    @bp.get("/sources")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_sources")
    @bp.input(payloads.PeriodQuery, location="query")
    @bp.output(payloads.SourcesReport)
    def report_sources(query_data: payloads.PeriodQuery) -> Response:
        """Leads, ripe leads and purchases by the channel through which they came"""
        return answered(made.sources(query_data, service.clock()), query_data, payloads.SourcesReport)

    @bp.get("/attribution")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_attribution")
    @bp.input(payloads.AttributionQuery, location="query")
    @bp.output(payloads.AttributionReport)
    def report_attribution(query_data: payloads.AttributionQuery) -> Response:
        """Which channels or campaigns purchases and their value are credited to, by each model"""
        return answered(made.attribution(query_data, service.clock()), query_data, payloads.AttributionReport)

    @bp.get("/returns")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_returns")
    @bp.input(payloads.ReturnsQuery, location="query")
    @bp.output(payloads.ReturnsReport)
    def report_returns(query_data: payloads.ReturnsQuery) -> Response:
        """Cost per ripe lead and return on spend, by channel or campaign and by month"""
        return answered(made.returns(query_data, service.clock()), query_data, payloads.ReturnsReport)


def _sales(bp: APIBlueprint, service: Service, made: Reports) -> None:
    reads = needs(service, "read")

    @bp.get("/salespeople")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_salespeople")
    @bp.input(payloads.PeriodQuery, location="query")
    @bp.output(payloads.SalespeopleReport)
    def report_salespeople(query_data: payloads.PeriodQuery) -> Response:
        """Wins of salespeople against those expected of their leads, minutes, and time to the first call"""
        return answered(made.salespeople(query_data, service.clock()), query_data, payloads.SalespeopleReport)

    @bp.get("/windows")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_windows")
    @bp.input(payloads.SplitQuery, location="query")
    @bp.output(payloads.WindowsReport)
    def report_windows(query_data: payloads.SplitQuery) -> Response:
        """Whether purchase windows given at handoffs were kept"""
        return answered(made.windows(query_data, service.clock()), query_data, payloads.WindowsReport)

    @bp.get("/calibration")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_calibration")
    @bp.input(payloads.SplitQuery, location="query")
    @bp.output(payloads.CalibrationReport)
    def report_calibration(query_data: payloads.SplitQuery) -> Response:
        """Whether what was predicted at handoffs happened"""
        return answered(made.calibration(query_data, service.clock()), query_data, payloads.CalibrationReport)

    @bp.get("/base-rates")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_base_rates")
    @bp.input(payloads.PeriodQuery, location="query")
    @bp.output(payloads.BaseRatesReport)
    def report_base_rates(query_data: payloads.PeriodQuery) -> Response:
        """How many leads buy, by the month in which they were first seen: does it drift?"""
        return answered(made.base_rates(query_data, service.clock()), query_data, payloads.BaseRatesReport)

    @bp.get("/contract")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_contract")
    @bp.input(contract_payloads.ContractQuery, location="query")
    @bp.output(contract_payloads.ContractReport)
    def report_contract(query_data: contract_payloads.ContractQuery) -> Response:
        """Whether marketing handed over enough qualified leads, and sales reacted in time; with the breaches"""
        answer = made.contract(query_data, service.clock())
        concerns(row["lead_id"] for row in answer["rows"] if row["lead_id"] is not None)
        return answered(answer, query_data, contract_payloads.ContractReport)

    @bp.get("/lift")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_lift")
    @bp.input(lift_payloads.LiftQuery, location="query")
    @bp.output(lift_payloads.LiftReport)
    def report_lift(query_data: lift_payloads.LiftQuery) -> Response:
        """What handing over brings: leads handed over against those of the random holdout"""
        return answered(made.lift(query_data, service.clock()), query_data, lift_payloads.LiftReport)


def _back(bp: APIBlueprint, service: Service, made: Reports) -> None:
    reads = needs(service, "read")

    @bp.get("/feedback")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_feedback")
    @bp.input(feedback_payloads.FeedbackQuery, location="query")
    @bp.output(feedback_payloads.FeedbackReport)
    def report_feedback(query_data: feedback_payloads.FeedbackQuery) -> Response:
        """What came back from sales: endings, satisfaction, how calls went, rejected handoffs"""
        return answered(made.feedback(query_data, service.clock()), query_data, feedback_payloads.FeedbackReport)

    @bp.get("/reasons")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_reasons")
    @bp.input(payloads.PeriodQuery, location="query")
    @bp.output(feedback_payloads.ReasonsReport)
    def report_reasons(query_data: payloads.PeriodQuery) -> Response:
        """Why leads bought, were lost, were given back by sales"""
        return answered(made.reasons(query_data, service.clock()), query_data, feedback_payloads.ReasonsReport)

    @bp.get("/satisfied")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_satisfied")
    @bp.input(feedback_payloads.SatisfiedQuery, location="query")
    @bp.output(feedback_payloads.SatisfiedReport)
    def report_satisfied(query_data: feedback_payloads.SatisfiedQuery) -> Response:
        """The profile of the most satisfied customers: what they did and are more often than others"""
        return answered(made.satisfied(query_data, service.clock()), query_data, feedback_payloads.SatisfiedReport)

    @bp.get("/satisfied-paths")
    @reads
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="report_satisfied_paths")
    @bp.input(feedback_payloads.SatisfiedQuery, location="query")
    @bp.output(feedback_payloads.PathsReport)
    def report_satisfied_paths(query_data: feedback_payloads.SatisfiedQuery) -> Response:
        """The most frequent paths of the most satisfied customers"""
        return answered(made.satisfied_paths(query_data, service.clock()), query_data, feedback_payloads.PathsReport)
