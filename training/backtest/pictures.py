"""The pictures of a backtest, as SVG for a page of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from model.replay.account import Charges, Result
from model.replay.compare import Line
from training.pictures import INK, MAIN, SOFT, blank_figure, label_axes

PARTS = {"calls too early or too late": "#92c5de", "calls in vain": "#d6604d", "purchases before any call": "#7b3294"}


def svg(figure: Figure, name: str) -> str:
    """The figure as an element of HTML; the same figure is the same text."""
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    found = text.getvalue()
    return found[found.index("<svg") :]


def costs(lines: Sequence[Line], results: Mapping[str, Result], charges: Charges) -> Figure:
    """Cost by lead of each policy, in its parts, with the interval of the whole."""
    figure, (ax,) = blank_figure(8.2, 1.0 + 0.42 * len(lines))
    place = np.arange(len(lines))[::-1]
    left = np.zeros(len(lines))
    for name, colour in PARTS.items():
        width = np.array([cost_parts(results[line.policy], charges)[name] for line in lines])
        ax.barh(place, width, left=left, color=colour, height=0.62, label=name)
        left += width
    limits = np.array([[line.cost.value - line.cost.low, line.cost.high - line.cost.value] for line in lines])
    ax.errorbar(left, place, xerr=np.maximum(limits, 0).T, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
    ax.set_yticks(place, [line.policy for line in lines])
    label_axes(ax, "What each policy costs", "cost by lead, with the interval of 95 %", "")
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.16 - 0.5 / len(lines)), ncols=3, fontsize=8)
    return figure


def cost_parts(result: Result, charges: Charges) -> dict[str, float]:
    """What the mean cost by lead is made of; the parts add up to it."""
    in_vain = charges.wasted_call * float(result.wasted.mean())
    missed = float(np.where(result.late & ~result.called, result.cost, 0.0).mean())
    timing = float(result.cost.mean()) - in_vain - missed
    return dict(zip(PARTS, (max(timing, 0.0), in_vain, missed), strict=True))


def months(by_month: Mapping[str, Sequence[Line]]) -> Figure:
    """Cost by lead of each policy, by the month in which the leads came in."""
    figure, (ax,) = blank_figure(8.2, 3.8)
    names = list(by_month)
    policies = [line.policy for line in by_month[names[0]]]
    for n, (policy, colour) in enumerate(zip(policies, _colours(len(policies)), strict=True)):
        ax.plot(names, [by_month[month][n].cost.value for month in names], "o-", color=colour, label=policy, ms=4)
    label_axes(ax, "By month", "month in which the leads came in", "cost by lead")
    ax.set_ylim(bottom=0)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def missed(results: Mapping[str, Result], charges: Charges) -> Figure:
    """Cost by lead if a purchase before any call is counted as another number of days late."""
    figure, (ax,) = blank_figure(8.2, 3.8)
    days = np.linspace(0, max(charges.longest, charges.missed_days), 50)
    for (policy, result), colour in zip(results.items(), _colours(len(results)), strict=True):
        of_a_day = float(np.where(result.late & ~result.called, result.late_rate, 0.0).mean())
        rest = float(result.cost.mean()) - charges.missed_days * of_a_day
        ax.plot(days, rest + days * of_a_day, color=colour, label=policy)
    ax.axvline(charges.missed_days, color=SOFT, ls="--", lw=1)
    label_axes(
        ax, "How dear is a missed deal?", "a purchase before any call counts as so many days late", "cost by lead"
    )
    ax.set_ylim(bottom=0)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def reach(lines: Sequence[Line]) -> Figure:
    """How many purchases a call preceded, against how many calls that took."""
    figure, (ax,) = blank_figure(8.2, 4.0)
    for line, colour in zip(lines, _colours(len(lines)), strict=True):
        bought = line.won + line.late
        share = 100 * line.won / bought if bought else 0.0
        ax.plot(100 * line.calls / line.leads, share, "o", color=colour, ms=8, label=line.policy)
    label_axes(ax, "Calls and what they reach", "calls by 100 leads", "% of purchases, called within H before")
    ax.set(xlim=(-3, 103), ylim=(-3, 103))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def _colours(n: int) -> list[str]:
    """The own policy first."""
    others = ["#053061", "#74add1", "#d6604d", "#f4a582", "#b2abd2", "#7b3294", "#1b7837", "#a6761d", "#4d4d4d"]
    return [MAIN, *others][:n]
