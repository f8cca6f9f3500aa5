"""Into which segments the rows of the newest block fall, and which rows belong to one account, as known at each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.builder import build_matrix
from features.catalogue import ACCOUNT_PROPERTY, Catalogue
from features.events import IDENTIFY, NEED_DECLARED
from features.feature_spec import EVERY, FeatureSpec
from features.found import Found
from features.history import History
from model.curves import Float
from model.examples import Examples
from training.gate.paired import Int64

MOST_VALUES = 12  # of one trait, the most frequent
BANDS = ((0, 50), (50, 80), (80, 100))  # of readiness


@dataclass(frozen=True, eq=False)
class Segments:
    """``members``: the rows of each segment, by a name such as "source fair"; ``groups``: (n,) the account of each
    row, or else its lead.
    """

    members: dict[str, Int64]
    groups: npt.NDArray[np.str_]


def segments(history: History, test: Examples, readiness: Float, *, trait: str) -> Segments:
    """By source, channel of the last touch, ``trait``, declared deadline, and band of ``readiness`` (n,)."""
    found = Found(history, test.known_by)
    specs = [FeatureSpec(name="deadline", aggregation="date_ahead", types=(NEED_DECLARED,), properties=("need_by",))]
    for name in dict.fromkeys(("source", trait)):
        texts = found.texts([IDENTIFY], [name])[:MOST_VALUES]
        specs.append(_last(f"{name} ", (IDENTIFY,), name, texts))
    specs.append(_last("last channel ", (EVERY,), "@channel", found.channels[:MOST_VALUES]))
    accounts = found.texts([IDENTIFY], [ACCOUNT_PROPERTY])
    specs.append(_last("account", (IDENTIFY,), ACCOUNT_PROPERTY, accounts))
    catalogue = Catalogue(tuple(specs))
    matrix = build_matrix(history, test.requests(), catalogue)
    members: dict[str, Int64] = {}
    groups = test.lead_ids.astype(str)
    for spec, column in zip(catalogue.features, matrix.T, strict=True):
        if spec.name == "account":
            known = np.isfinite(column) & (column < len(accounts))
            names = np.array([*accounts, ""], dtype=str)
            groups = np.where(known, np.char.add("account ", names[np.where(known, column, -1).astype(int)]), groups)
        elif spec.levels is None:
            members["deadline declared"] = np.flatnonzero(np.isfinite(column))
            members["no deadline declared"] = np.flatnonzero(~np.isfinite(column))
        else:
            members |= dict(_by_level(spec, column))
    for low, high in BANDS:
        inside = (readiness >= low) & ((readiness < high) | (high == BANDS[-1][1]))
        members[f"readiness {low} to {high}"] = np.flatnonzero(inside)
    return Segments(members, groups)


def _by_level(spec: FeatureSpec, column: Float) -> Iterator[tuple[str, Int64]]:
    for code, level in enumerate(spec.levels or ()):
        yield f"{spec.name}{level}", np.flatnonzero(column == code)


def _last(name: str, types: tuple[str, ...], of: str, levels: list[str]) -> FeatureSpec:
    return FeatureSpec(name=name, aggregation="last", types=types, properties=(of,), levels=tuple(levels))
