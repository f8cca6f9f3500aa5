"""The files of the estimator of a scorer, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from features.errors import InputError
from model.curve_model import CurveModel
from model.hazard import PurchaseHazard
from model.own import Adapted
from model.own.adapted import KIND


def to_files(model: CurveModel) -> tuple[dict[str, Any], dict[str, bytes]]:
    """One JSON object, and files by name. InputError for an estimator that has none."""
    if isinstance(model, PurchaseHazard):
        state, texts = model.to_files()
        return state, {f"{name}.txt": text.encode() for name, text in texts.items()}
    if isinstance(model, Adapted):
        return model.to_files()
    raise InputError(where="model files", expected="a PurchaseHazard or an Adapted", got=type(model).__name__)


def from_files(state: dict[str, Any], files: dict[str, bytes], *, trusted: Sequence[str]) -> CurveModel:
    """The inverse. ``trusted``: types that the files may hold, as of Adapted."""
    if state.get("kind") == KIND:
        return Adapted.from_files(state, files, trusted=trusted)
    texts = {name.removesuffix(".txt"): content.decode() for name, content in files.items() if name.endswith(".txt")}
    return PurchaseHazard.from_files(state, texts)
