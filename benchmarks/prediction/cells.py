"""How figures are written in tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.metrics import Estimate

NONE = "-"


def number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if np.isfinite(value) else NONE


def seconds(value: float) -> str:
    """Two digits that matter, whether it is a blink or an hour."""
    return NONE if not np.isfinite(value) else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def interval_of(estimate: Estimate, digits: int) -> str:
    if not np.isfinite(estimate.value):
        return NONE
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def signed(estimate: Estimate, digits: int) -> str:
    if not np.isfinite(estimate.value):
        return NONE
    return f"{estimate.value:+.{digits}f} ({estimate.low:+.{digits}f} to {estimate.high:+.{digits}f})"


def percent(estimate: Estimate, digits: int = 1) -> str:
    if not np.isfinite(estimate.value):
        return NONE
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:.{digits}f} % ({low:.{digits}f} to {high:.{digits}f})"


def bold(text: str, when: bool) -> str:
    return f"**{text}**" if when and text != NONE else text


def some(items: Sequence[str], most: int = 8) -> str:
    """The first of them, and how many more there are."""
    shown = "; ".join(items[:most])
    return shown if len(items) <= most else f"{shown}; and {len(items) - most} more"
