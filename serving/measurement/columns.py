"""How the pages of the reports show their rows: a heading and a text for each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.measurement.attribution import MODELS

Row = Mapping[str, Any]
MODEL_NAMES = {
    "first": "first touch",
    "last": "last touch",
    "linear": "linear",
    "time_decay": "time decay",
    "u_shaped": "U-shaped",
    "w_shaped": "W-shaped",
    "markov": "Markov",
    "shapley": "Shapley",
}
NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Column:
    """``number``: set to the right."""

    label: str
    text: Callable[[Row], str]
    number: bool = True


def name(field: str, label: str, none: str = NONE) -> Column:
    return Column(label, lambda row: none if row[field] is None else str(row[field]), number=False)


def count(field: str, label: str) -> Column:
    return Column(label, lambda row: _number(row[field], 0))


def amount(field: str, label: str, digits: int = 0) -> Column:
    """With its interval, where the row has one."""
    return Column(label, lambda row: _within(row, field, lambda value: _number(value, digits)))


def share(field: str, label: str) -> Column:
    return Column(label, lambda row: _within(row, field, _percent))


def _within(row: Row, field: str, show: Callable[[float | None], str]) -> str:
    value, low, high = row[field], row.get(f"{field}_low"), row.get(f"{field}_high")
    if value is None or (low is None and high is None):
        return show(value)
    return f"{show(value)} ({show(low)} to {show(high)})".replace(" % to", " to").replace(" %)", ")")


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f} %"


CHANNEL = name("channel", "Channel", "no marketing touch")
CAMPAIGN = name("campaign", "Campaign")
SOURCED = (
    name("month", "Month"),
    count("wins", "Customers"),
    amount("value", "Value"),
    count("sourced_wins", "Through marketing"),
    amount("sourced_value", "Their value"),
    count("influenced_wins", "Influenced"),
    amount("influenced_value", "Their value"),
    count("ripe_wins", "Handed over ripe"),
    amount("ripe_value", "Their value"),
)
SOURCES = (
    name("channel", "Came through", "not through marketing"),
    count("leads", "New leads"),
    count("ripe_leads", "Ripe leads"),
    count("wins", "Customers"),
    amount("value", "Value"),
    count("ripe_wins", "Customers handed over ripe"),
)
CREDITED = (
    CHANNEL,
    CAMPAIGN,
    amount("wins", "Customers", 1),
    amount("value", "Value"),
    share("removal_effect", "Lost without it"),
)
MODELS_SIDE_BY_SIDE = (
    CHANNEL,
    CAMPAIGN,
    *(amount(model, MODEL_NAMES[model], 1) for model in MODELS),
)
RETURNS = (
    CHANNEL,
    CAMPAIGN,
    name("month", "Month", "whole period"),
    amount("spend", "Spend"),
    amount("ripe_leads", "Ripe leads", 1),
    amount("cost_per_ripe_lead", "Cost per ripe lead"),
    amount("wins", "Customers", 1),
    amount("cost_per_win", "Cost per customer"),
    amount("value", "Value"),
    amount("return_on_spend", "Value per spend", 2),
)
SALESPEOPLE = (
    name("owner", "Salesperson", "nobody"),
    count("handed_over", "Handed over"),
    count("leads", "With a score"),
    count("wins", "Won"),
    amount("expected_wins", "Expected", 1),
    amount("ratio", "Won per expected", 2),
    amount("shrunk_ratio", "Luck taken off", 2),
    name("outside", "Outside the funnel"),
)
SALESPEOPLE_TIME = (
    name("owner", "Salesperson", "nobody"),
    amount("minutes", "Minutes per comparable lead", 1),
    amount("reaction_hours", "Hours to first call (median)", 1),
    share("called_within_day", "Called within a day"),
)
WINDOWS = (
    name("group", "Handoffs of", "unknown"),
    count("handoffs", "Handoffs"),
    count("kept", "Kept"),
    count("early", "Bought before"),
    count("late", "Bought after"),
    count("lost", "Lost"),
    count("not_bought", "Not bought"),
    count("open", "Still open"),
    share("promised", "Promised"),
    share("kept_share", "Kept, of purchasers"),
)
CALIBRATION = (
    name("group", "Handoffs of", "unknown"),
    count("horizon", "Days"),
    count("handoffs", "Handoffs"),
    count("seen", "So long ago"),
    share("predicted", "Predicted"),
    share("happened", "Happened"),
)
BASE_RATES = (
    name("month", "First seen in"),
    count("horizon", "Days"),
    count("leads", "Leads"),
    count("seen", "So long ago"),
    share("rate", "Bought"),
    share("all_months", "All months"),
    Column("Drift", lambda row: {None: "not known yet", True: "yes", False: "no"}[row["drifted"]], number=False),
)

CAME_THROUGH = name("channel", "Came through", "not through marketing")
FEEDBACK_ENDINGS = (
    CAME_THROUGH,
    CAMPAIGN,
    count("wins", "Customers"),
    count("lost", "Lost"),
    amount("satisfaction", "Satisfaction", 1),
    count("answers", "Told by"),
    count("handed_over", "Handed over"),
    count("rejected", "Given back"),
    share("rejected_share", "Share given back"),
)
FEEDBACK_CALLS = (
    CAME_THROUGH,
    CAMPAIGN,
    count("calls", "Calls"),
    count("too_early", "Too early"),
    count("on_time", "On time"),
    count("too_late", "Too late"),
    count("not_a_buyer", "Not a buyer"),
    count("wrong_person", "Wrong person"),
    count("no_answer", "No answer"),
    count("other", "Other"),
    share("on_time_share", "On time, of those timed"),
    share("too_early_share", "Too early, of those timed"),
)
REASONS = (
    name("outcome", "Outcome"),
    name("reason", "Reason", "not told"),
    count("leads", "Leads"),
    share("share", "Share"),
)
SATISFIED = (
    name("kind", "Kind"),
    name("name", "Trait"),
    name("value", "Value"),
    count("satisfied", "Most satisfied"),
    share("satisfied_share", "Share"),
    count("others", "Others"),
    share("others_share", "Share"),
    amount("lift", "Lift", 2),
    Column("Chance findings up to here", lambda row: _percent(row["q"])),
)
SATISFIED_PATHS = (
    name("kind", "Kind"),
    name("first", "First"),
    name("middle", "Middle"),
    name("last", "Last"),
    count("satisfied", "Most satisfied"),
    share("satisfied_share", "Share"),
    count("others", "Others"),
    share("others_share", "Share"),
)


def side_by_side(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One row for each channel and campaign, with the customers that each model credits it with."""
    found: dict[tuple[str | None, str | None], dict[str, Any]] = {}
    for row in rows:
        key = (row["channel"], row["campaign"])
        empty = {"channel": key[0], "campaign": key[1], **dict.fromkeys(MODELS, 0.0)}
        found.setdefault(key, empty)[row["model"]] = row["wins"]
    return sorted(found.values(), key=lambda row: (row["channel"] is None, -row["linear"]))


def _day(field: str, label: str) -> Column:
    return Column(label, lambda row: NONE if row[field] is None else row[field][:16].replace("T", " "), number=False)


BREACHES = (
    name("side", "Who"),
    _day("since", "Since"),
    name("week", "Week of"),
    count("shortfall", "Short by"),
    name("lead_id", "Lead"),
    name("owner", "Salesperson"),
    _day("handed_over_at", "Handed over"),
    name("reaction", "First reaction"),
    _day("reacted_at", "At"),
    amount("hours", "Hours", 1),
)
CONTRACT_WEEKS = (
    name("week", "Week of"),
    count("handed_over", "Leads handed over"),
    count("rejected", "Sent back"),
    count("qualified", "Qualified"),
    count("promised", "Promised"),
    count("shortfall", "Short by"),
)
CONTRACT_PEOPLE = (
    name("owner", "Salesperson", "nobody"),
    count("handed_over", "Handed over"),
    count("in_time", "In time"),
    count("late", "Late"),
    count("overdue", "Overdue"),
    count("waiting", "Waiting"),
    count("withdrawn", "Withdrawn"),
    count("accepted", "Accepted"),
    count("rejected", "Sent back"),
    share("kept_share", "Kept"),
    amount("reaction_hours", "Hours to the reaction (median)", 1),
)
CONTRACT = {"breaches": BREACHES, "weeks": CONTRACT_WEEKS, "salespeople": CONTRACT_PEOPLE}


_MEASURES = {"purchases": "bought, %", "value": "value a lead", "days": "days waited"}


def _of_measure(field: str, label: str, *, scaled: bool = True) -> Column:
    """A percentage where the row is of shares."""

    def text(row: Row) -> str:
        by = 100 if scaled and row["measure"] == "purchases" else 1
        names = (field, f"{field}_low", f"{field}_high")
        ends = {name: None if row[name] is None else by * row[name] for name in names}
        return _within(ends, field, lambda value: _number(value, 1 if scaled else 2))

    return Column(label, text)


LIFT = (
    Column("Measure", lambda row: _MEASURES[row["measure"]], number=False),
    count("horizon", "Within days"),
    _of_measure("handed_over", "Handed over"),
    _of_measure("held_out", "Held out"),
    _of_measure("difference", "Difference"),
    _of_measure("ratio", "Ratio", scaled=False),
    amount("p", "p", 3),
)
