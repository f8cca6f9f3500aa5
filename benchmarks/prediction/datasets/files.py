"""Folds as files, to hand them to other processes: temporary ones, since pickles run code and fit one version only."""

from __future__ import annotations

import pickle
from pathlib import Path

from benchmarks.prediction.fold import Fold


def save(fold: Fold, path: Path) -> None:
    with path.open("wb") as stream:
        pickle.dump(fold, stream, protocol=pickle.HIGHEST_PROTOCOL)


def load(path: Path) -> Fold:
    """The fold of a file that ``save`` wrote; only files of one's own. TypeError for anything else."""
    with path.open("rb") as stream:
        fold = pickle.load(stream)
    if not isinstance(fold, Fold):
        raise TypeError(f"expected a Fold in {path}, got {type(fold).__name__}")
    return fold
