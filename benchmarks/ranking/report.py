"""The section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.document import markdown_table
from benchmarks.ranking.board import LOOK_AHEAD, MISSED
from benchmarks.ranking.compare import COUNTINGS, SALESPEOPLE, SHARES, Compared
from benchmarks.ranking.policies import DATED, OWN, POLICIES
from model.metrics import Estimate

TITLE = "Ranking: whom to call when there is not room for all"
ABOUT = """`make bench-ranking` (`python -m benchmarks.ranking`). {salespeople} salespeople call on the working days of
one longest horizon (90 days; 30 in `bpic2012`), each lead at most once, among the leads that were open on the first
morning and those that came in since: {sizes}. Scores are made anew each morning by a model of what was known on the
first, which has learned from a third of the accounts. The plan looks {ahead} working days ahead. The capacity is that
for a tenth, or three tenths, of the leads. In `bpic2012` and `online_retail` no sales calls are recorded, so the
purchases are those that came without ours; the value is the amount asked for, and what the buyer has spent on a day.

What happens to a purchase that comes before any call is an assumption, shown both ways:

- *missed*: the lead leaves the list when its purchase is known, and the purchase costs what a missed one does (late by
  the longest horizon, by 14 days, or the deal's whole value);
- *reached late*: it can still be reached, each day later costs more, and the lead stays on the list with its last
  score, whose dates come nearer; never called, it counts as called on the last day. This gives rules with dates an
  advantage that no log gives: of leads that are open the dates are made anew and move on, so those that come nearer
  are the ones that have bought.

*{own}* plans by what waiting costs (`model/decision/stopping.py`), *{dated}* by the dates of least expected cost.
Costs a lead; differences are paired, brackets: 95 %, by drawing seeds and then leads, the policies' choices being
kept."""


def section(compared: Mapping[str, Compared], settings: Iterable[str]) -> str:
    sizes = ", ".join(f"`{name}` {found.leads:,}" for name, found in compared.items())
    parts = [ABOUT.format(salespeople=SALESPEOPLE, sizes=sizes, ahead=LOOK_AHEAD, own=OWN, dated=DATED)]
    parts.append(_verdict(compared))
    for title in settings:
        for counting in COUNTINGS:
            for share in SHARES:
                key = (title, counting, share)
                rows = []
                for policy in POLICIES:
                    figures = [found.lines[key][policy] for found in compared.values()]
                    shown = [_shown(mean) if policy == OWN else _more(above) for mean, above, _ in figures]
                    rows.append([policy if policy == OWN else f"{policy}, above", *shown])
                calls = [f"{found.lines[key][OWN][2]:,}" for found in compared.values()]
                rows.append([f"calls of {OWN}", *calls])
                what = "is missed" if counting == MISSED else "is reached late"
                parts.append(f"### {title}; a purchase without a call {what}; room for {share:.0%}")
                parts.append(markdown_table(["cost a lead", *compared], rows))
    return "\n\n".join(parts)


def _verdict(compared: Mapping[str, Compared]) -> str:
    """How often the own policy costs less or more than each other one, by the intervals."""
    rows = []
    for policy in POLICIES:
        if policy == OWN:
            continue
        cells = []
        for counting in COUNTINGS:
            figures = [
                lines[policy][1]
                for found in compared.values()
                for (_, way, _), lines in found.lines.items()
                if way == counting
            ]
            less, more = sum(f.low > 0 for f in figures), sum(f.high < 0 for f in figures)
            cells.append(f"{less} / {len(figures) - less - more} / {more}")
        rows.append([policy, *cells])
    head = [f"{OWN} costs less / the same / more than", *COUNTINGS]
    return "### How often\n\n" + markdown_table(head, rows)


def _shown(figure: Estimate) -> str:
    return f"{figure.value:,.1f} ({figure.low:,.1f} to {figure.high:,.1f})"


def _more(figure: Estimate) -> str:
    return f"{figure.value:+,.1f} ({figure.low:+,.1f} to {figure.high:+,.1f})"
