"""When to call, and whom first."""

from model.decision.call_date import CallCosts, Costs, Decision, call_days, decide, expected_cost
from model.decision.capacity import cost_of_delay, plan
from model.decision.newsvendor import critical_fractile, fractile_day
from model.decision.realised import realised_cost

__all__ = [
    "CallCosts",
    "Costs",
    "Decision",
    "call_days",
    "cost_of_delay",
    "critical_fractile",
    "decide",
    "expected_cost",
    "fractile_day",
    "plan",
    "realised_cost",
]
