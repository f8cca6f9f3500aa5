"""What is searched: the parameters of PurchaseHazard that decide how much of the noise it learns, and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna

from features.estimator_settings import HazardParameters, Parameter


@dataclass(frozen=True)
class Range:
    """Both ends belong to it."""

    low: float
    high: float
    log: bool = True
    whole: bool = False

    def suggest(self, trial: optuna.Trial, name: str) -> None:
        if self.whole:
            trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        else:
            trial.suggest_float(name, self.low, self.high, log=self.log)


# The defaults lie within. Left out: max_trees (held-out leads say how many count), max_rows and min_events (no question
# of taste but of memory and of how much data there is).
SPACE = {
    "learning_rate": Range(0.015, 0.2),
    "leaves": Range(0.4, 3.0),
    "leaf_endings": Range(0.5, 20.0),
    "l2": Range(0.5, 200.0),
    "columns_per_tree": Range(4.0, 40.0),
    "row_share": Range(0.3, 0.9, log=False),
    "rows_per_lead": Range(10, 50, whole=True),
    "lead_power": Range(0.0, 1.0, log=False),
}


def suggest(trial: optuna.Trial) -> None:
    for name, each in SPACE.items():
        each.suggest(trial, name)


def readable(parameters: Mapping[str, Any]) -> dict[str, Parameter]:
    """A trial's parameters to three digits: they say all that can be told apart."""
    return {name: value if SPACE[name].whole else float(f"{value:.3g}") for name, value in parameters.items()}


def start_of(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """What a search begins with: ``parameters`` over the defaults, those outside of their range at its end."""
    wanted = {**HazardParameters().model_dump(), **parameters}
    return {name: min(max(wanted[name], each.low), each.high) for name, each in SPACE.items()}


def fixed(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """What is set in ``[estimator.parameters]`` and not searched for: it holds in every trial."""
    return {name: value for name, value in parameters.items() if name not in SPACE}


def described() -> dict[str, object]:
    """The ranges as JSON: a study with others is another study."""
    return {name: asdict(each) for name, each in SPACE.items()}
