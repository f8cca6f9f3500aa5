"""The pictures of a run: how the model does, in a glance each."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from model.aalen_johansen import aalen_johansen
from model.curves import Curves
from model.metrics import deciles, gain_curve
from training.evaluation import Block

INK, SOFT, MAIN = "#1f2933", "#9aa5b1", "#2166ac"
_STYLE = {
    "font.size": 10,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def blank_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of its own: pyplot keeps every figure alive in a long process."""
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # the stubs want literal keys
        figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
        axes = np.atleast_1d(figure.subplots(1, columns)).tolist()
    return figure, axes


def label_axes(ax: Axes, title: str, xlabel: str, ylabel: str) -> None:
    ax.set_title(title, loc="left", fontweight="bold", fontsize=11)
    ax.set(xlabel=xlabel, ylabel=ylabel)


def calibration(block: Block, curves: Curves) -> Figure:
    """Predicted against observed share of buyers at each horizon, rows in tenths by prediction."""
    k = len(block.horizons)
    figure, axes = blank_figure(3.4 * k + 0.4, 3.7, k)
    predicted = curves.at(list(block.horizons))[0]
    for j, (ax, horizon) in enumerate(zip(axes, block.horizons, strict=True)):
        points = deciles(block.duration, block.outcome, horizon, predicted[:, j])
        x, y = [p.predicted for p in points], [p.observed for p in points]
        top = max(0.02, 1.08 * max(*x, *y))
        ax.plot([0, top], [0, top], color=SOFT, lw=1, label="perfect")
        ax.plot(x, y, "o-", color=MAIN, lw=1.2, ms=5, label="tenths of the leads")
        label_axes(ax, f"{horizon} days", "predicted to buy by then", "" if j else "did buy by then (Aalen-Johansen)")
        ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0 if top > 0.1 else 1))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if top > 0.1 else 1))
    axes[0].legend(loc="upper left", fontsize=8)
    return figure


def curve_groups(block: Block, curves: Curves) -> Figure:
    """Mean predicted curves of five groups by prediction, over what happened to each (Aalen-Johansen, dashed)."""
    figure, (ax,) = blank_figure(7.2, 4.4)
    score = curves.at([block.horizons[-1]])[0][:, 0]
    member = np.searchsorted(np.quantile(score, [0.2, 0.4, 0.6, 0.8]), score, side="left")
    colours = mpl.colormaps["viridis"](np.linspace(0.08, 0.85, 5))
    grid = np.concatenate(([0.0], block.grid))
    for group in np.unique(member)[::-1]:
        rows = member == group
        at, bought, _ = aalen_johansen(block.duration[rows], block.outcome[rows])
        shown = at <= block.horizons[-1]
        last = bought[shown][-1]
        ax.plot(grid, curves.rows(rows).at(grid)[0].mean(axis=0), color=colours[group], lw=2, label=_fifth(int(group)))
        ax.step([*at[shown], grid[-1]], [*bought[shown], last], where="post", color=colours[group], lw=1.2, ls="--")
    label_axes(ax, "Purchase curves: predicted, and what happened (dashed)", "days after the as-of time", "has bought")
    ax.set_xlim(0, grid[-1])
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(title="leads by prediction", loc="upper left", fontsize=9)
    return figure


def _fifth(group: int) -> str:
    return ("lowest fifth", "second", "third", "fourth", "highest fifth")[group]


def importance(gains: Mapping[str, float], *, shown: int = 20) -> Figure:
    """Each feature's share of the loss that all splits took away, the largest first."""
    total = sum(gains.values()) or 1.0
    top = sorted(gains.items(), key=lambda item: item[1])[-shown:]
    figure, (ax,) = blank_figure(7.2, 0.8 + 0.24 * max(4, len(top)))
    ax.barh([name for name, _ in top], [gain / total for _, gain in top], color=MAIN, height=0.7)
    label_axes(ax, "What the model looks at", "share of the total gain", "")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y", visible=False)
    return figure


def lift(block: Block, curves: Curves) -> Figure:
    """Who calls the best leads first reaches which share of the purchases, at each horizon."""
    figure, (ax,) = blank_figure(5.4, 4.6)
    weights, predicted = block.weights(list(block.horizons)), curves.at(list(block.horizons))[0]
    colours = mpl.colormaps["viridis"](np.linspace(0.1, 0.8, len(block.horizons)))
    ax.plot([0, 1], [0, 1], color=SOFT, lw=1, label="in any order")
    for j, horizon in enumerate(block.horizons):
        called, gained = gain_curve(weights, predicted[:, j], column=j)
        ax.plot(called, gained, color=colours[j], lw=1.8, label=f"bought within {horizon} days")
    label_axes(ax, "Calling the best leads first", "share of the leads called", "share of the purchases reached")
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="lower right", fontsize=9)
    return figure
