"""The report of a backtest: one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from features.events import DAY
from model.metrics import Estimate
from model.replay.account import Charges, Result
from model.replay.choose import Constants
from model.replay.compare import Line, by_group, compare
from training.backtest import pictures
from training.backtest.calendar import Calendar
from training.backtest.days_ahead import DaysAhead, days_ahead, sentence
from training.backtest.replay import (
    AHEAD,
    BEST,
    DEADLINE_RULE,
    DELAY,
    KEPT,
    ONCE,
    OWN,
    READY,
    TRUTH,
    WAITED,
    Replay,
    date_of,
)

ABOUT = {
    OWN: "calls when a handoff is due: when waiting begins to cost more than a call, or with "
    "<code>handoff_days_ahead</code> when the date to call on lies at most so many days ahead",
    WAITED: "calls when the date to call on, computed anew at each look, has come",
    AHEAD: "calls when that date lies at most so many days ahead; the best number on the past of each fold",
    KEPT: "calls on the first date that leadtime gave, however it moves later",
    ONCE: "calls at the first look",
    DELAY: "calls so many days after the first look; the best number on the past of each fold",
    READY: "calls when readiness reaches a threshold; the best one on the past of each fold",
    DEADLINE_RULE: "calls so many days before the declared deadline, the best number on the past; "
    "leads without a deadline as by the fixed delay",
    TRUTH: "calls as leadtime does, but by the true curves given what the tables show, those of the "
    "best model there could be",
    BEST: "knows what will become of each lead: what cannot be beaten, nor reached",
}
MOVING = """<p><b>A date that moves.</b> The day of least expected cost is computed anew at each look. For a lead
whose chance to buy hardly changes it lies as far ahead tomorrow as today and never comes, until signals say that the
purchase is near. Whoever waits for it calls few and late. Handoffs therefore weigh waiting against a call, counting a
purchase before the call as missed; <i>days ahead</i> shows what the dates are worth to those who call a little before
them.</p>"""
CANNOT_KNOW = """<ul>
<li><b>Calls would have changed what happened.</b> The purchases and losses are those that came with the calls that
were really made; a call that a policy makes here wins or loses nobody. Only an experiment tells: hold a random share
of the handoffs out (setting <code>handoff_holdout</code>) and compare.</li>
<li><b>The calls that were really made are in the history.</b> What leads did after them moved readiness and dates;
under another policy these traces would have been other ones.</li>
<li><b>A missed deal was a deal.</b> All these leads did buy. That a purchase before any call would have been lost,
and what that costs, is an assumption; the picture of missed deals shows what follows from others.</li>
<li><b>What a deal was worth</b> counts, with <code>deal_lost_after</code>, as it was known at the last look at the
lead, <code>deal_value</code> where nothing was: the same under every policy, whatever was known when it decided.</li>
<li><b>Leads that were there before the replay began are left out:</b> at once and by a fixed delay they would have
been called long ago. So are those that ended before they could be looked at.</li>
<li><b>Leads still open at the end wait.</b> Neither called nor ended, they cost a policy nothing here: the more of
them wait, the more its cost is too low. A purchase later than the longest horizon after the call counts as a wasted
call.</li>
<li><b>What was recorded when.</b> Tables without <code>recorded_at</code> count as recorded when it happened; fields
that your CRM overwrote show what they became, not what they were.</li>
<li><b>Intervals</b> are for other leads like these, with the same models, months and salespeople.</li>
</ul>"""
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #e4e7eb; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tbody tr.own { background: #eef4fb; font-weight: 600; }
.scroll { overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; margin: 1rem 0; }
small, .soft { color: #616e7c; font-weight: 400; }
li { margin: .4rem 0; }
"""


@dataclass(frozen=True, eq=False)
class Findings:
    """The replay with its figures. ``ahead``: the same lines, what each costs more counted from *days ahead*."""

    replay: Replay
    calendar: Calendar
    charges: Charges
    source: str
    results: dict[str, Result]
    lines: list[Line]
    ahead: list[Line]
    months: dict[str, list[Line]]
    days_ahead: DaysAhead

    @classmethod
    def of(cls, replay: Replay, calendar: Calendar, charges: Charges, *, source: str, seed: int) -> Findings:
        results = replay.results(charges)
        return cls(
            replay=replay,
            calendar=calendar,
            charges=charges,
            source=source,
            results=results,
            lines=compare(results, own=OWN, seed=seed),
            ahead=compare(results, own=AHEAD, seed=seed),
            months=by_group(results, replay.months(), own=OWN, seed=seed),
            days_ahead=days_ahead(replay, charges, seed=seed),
        )


def html(found: Findings) -> str:
    charts = {
        "costs": pictures.costs(found.lines, found.results, found.charges),
        "reach": pictures.reach(found.lines),
        "missed": pictures.missed(found.results, found.charges),
        "months": pictures.months(found.months),
    }
    drawn = {name: pictures.svg(figure, name) for name, figure in charts.items()}
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Backtest of leadtime</title><style>{_STYLE}</style></head><body>
<h1>What following the dates would have come to</h1>
{_about(found)}
<h2>The policies side by side</h2>
{policy_table(found)}
{MOVING}
{drawn["costs"]}
{drawn["reach"]}
<ul>{"".join(f"<li><b>{escape(line.policy)}</b> {ABOUT[line.policy]}.</li>" for line in found.lines)}</ul>
<h2>What a missed deal costs</h2>
<p>{_missed(found.charges)} The constants of the rules were chosen at that count (dashed).</p>
{drawn["missed"]}
<h2>By month</h2>
{drawn["months"]}
{_month_table(found)}
<h2>Chosen on the past</h2>
{_constants(found.replay.constants)}
<p>{sentence(found.days_ahead, found.replay.in_force)} A number that was chosen on the leads that it is counted on looks
better than it will be on others.</p>
<h2>What a replay cannot know</h2>
{CANNOT_KNOW}
</body></html>
"""


def _about(found: Findings) -> str:
    rows, calendar, charges = found.replay.rows, found.calendar, found.charges
    leads = len(rows.leads)
    drawn = "" if leads == found.replay.cohort else f", drawn at random from {found.replay.cohort:,}"
    cap = "" if charges.early_cap == float("inf") else f", at most {charges.early_cap:g}"
    ahead = "" if not charges.lead_time else f" The best moment is {charges.lead_time:g} days before the purchase."
    trained = f"{_plural(len(calendar.origins), 'time')}, every {_plural(calendar.retrain // DAY, 'day')}"
    return f"""<p>{leads:,} leads{drawn} of {escape(found.source)} that came in from {date_of(calendar.since)} to
{date_of(calendar.enter_until)} were looked at every {_plural(rows.step, "day")} until {date_of(calendar.until)}, each
time with what was recorded by then, and each policy called each of them at most once. The model was trained {trained},
on nothing later than that day. What became of the leads is known to {date_of(calendar.known_by)}.</p>
<p>Costs: a day too early {charges.early:g}{cap}, {_late_day(charges)}, a call that no purchase follows
within {charges.longest:g} days {charges.wasted_call:g}.{ahead} Intervals of 95 %, by resampling leads, the same draws
for all policies.</p>"""


def _late_day(charges: Charges) -> str:
    if charges.lost_after is None:
        return f"a day too late {charges.late:g}"
    share = f"1/{charges.lost_after:g} of the deal's own value"
    return f"a day too late {share} ({charges.late:g} where that is not known)"


def _missed(charges: Charges) -> str:
    cost = f"{charges.missed:g}" if charges.lost_after is None else f"{charges.missed:g} where its value is not known"
    return (
        f"A purchase before any call counts as a call {charges.missed_days:g} days late, {cost}. "
        "A date that stands for a later day is no call: it may move again."
    )


def policy_table(found: Findings) -> str:
    head = (
        "policy", "calls", "wasted", "deals lost<br>to late calls", "days<br>early", "days<br>late", "waiting",
        "cost by lead", "more than<br>leadtime", "more than<br>days ahead", "purchases<br>by call",
    )  # fmt: skip
    lines = [
        "".join(
            f"<td>{cell}</td>"
            for cell in (
                escape(line.policy),
                f"{line.calls:,}",
                f"{line.wasted:,} {_share(line.wasted_share)}",
                f"{line.late:,} {_share(line.late_share)}",
                _estimate(line.days_early, 1),
                _late(line),
                f"{line.waiting:,}",
                _estimate(line.cost),
                "" if line.policy == OWN else _estimate(line.above),
                "" if line.policy == AHEAD else _estimate(ahead.above),
                _estimate(line.conversion),
            )
        )
        for line, ahead in zip(found.lines, found.ahead, strict=True)
    ]
    rows = [
        f"<tr{' class=own' if line.policy == OWN else ''}>{cells}</tr>"
        for line, cells in zip(found.lines, lines, strict=True)
    ]
    caption = (
        "Wasted: share of the calls. Deals lost: share of the purchases. Days early: from the call to the purchase. "
        "Days late: where a date stood, from the purchase to that date. Waiting: neither called nor ended."
    )
    return _table(head, rows, caption)


def _month_table(found: Findings) -> str:
    months = list(found.months)
    head = ["cost by lead", *(f"{month}<br><small>{found.months[month][0].leads:,} leads</small>" for month in months)]
    rows = []
    for n, line in enumerate(found.lines):
        cells = "".join(f"<td>{_estimate(found.months[month][n].cost, 1)}</td>" for month in months)
        rows.append(f"<tr{' class=own' if line.policy == OWN else ''}><td>{escape(line.policy)}</td>{cells}</tr>")
    return _table(head, rows, "Months in which the leads came in.")


def _constants(constants: Mapping[int, Constants]) -> str:
    rows = [
        f"<tr><td>{date_of(origin)}</td>"
        + "".join(f"<td>{value:,g}</td>" for value in (c.within, c.delay, c.threshold, c.ahead, c.leads))
        + "</tr>"
        for origin, c in constants.items()
    ]
    head = ("from", "leadtime, days ahead", "fixed delay, days", "readiness", "days before the deadline", "leads")
    return _table(head, rows, "What would have cost least on leads whose ends were known by that day.")


def _table(head: Sequence[str], rows: Sequence[str], caption: str) -> str:
    names = "".join(f"<th>{name}</th>" for name in head)
    return (
        f'<div class="scroll"><table><thead><tr>{names}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        f'<p class="soft">{caption}</p>'
    )


def _estimate(found: Estimate, digits: int = 2) -> str:
    if found.value != found.value:
        return "-"
    return f"{found.value:.{digits}f} <small>{found.low:.{digits}f} to {found.high:.{digits}f}</small>"


def _late(line: Line) -> str:
    return f"{_estimate(line.days_late, 1)} <small>of {line.dated_late:,}</small>" if line.dated_late else "-"


def _share(found: Estimate) -> str:
    if found.value != found.value:
        return ""
    return f"<small>{100 * found.value:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})</small>"


def _plural(n: int, what: str) -> str:
    return what if n == 1 and what == "day" else f"{n} {what}{'' if n == 1 else 's'}"
