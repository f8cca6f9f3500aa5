"""The scorer: everything that turns the history of leads into scores, frozen, and its files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from features.builder import Requests, build_matrix
from features.catalogue import Catalogue
from features.errors import InputError
from features.events import DAY, IDENTIFY, to_iso
from features.history import History
from model import saved
from model.calibration import Calibration
from model.curve_model import CurveModel
from model.curves import Curves, Float
from model.deadlines import Slip, contradictions
from model.decision import CallCosts, Costs, decide, handoff_day
from model.grid import nearest_horizon
from model.readiness import Readiness
from model.reasons import contributions
from model.sentences import Fact, Facts
from model.signal import MODEL, Signal
from model.usual import Usual
from model.window import Windows

Int64 = npt.NDArray[np.int64]
FORMAT = 2  # of the files; raised when an older program could not read them
_CHUNK = 20_000  # rows scored at a time
_ALWAYS = ("early", "late", "wasted_call", "lost")  # costs that every program knows


@dataclass(frozen=True, eq=False)
class Scorer:
    """A trained model with all that its answers depend on. ``horizons``: days, rising."""

    catalogue: Catalogue
    hazard: CurveModel
    calibration: Calibration
    windows: Windows
    readiness: Readiness
    horizons: tuple[int, ...]
    costs: CallCosts
    version: str
    signal: Signal | None = None
    usual: Usual | None = None
    slips: dict[str, Slip] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def window_coverage(self) -> float:
        return self.windows.coverage

    @property
    def ready_horizon(self) -> int:
        """The horizon whose chance is ranked as readiness: the one nearest 30 days."""
        return int(nearest_horizon(self.horizons, 30))

    def curves(self, X: pd.DataFrame | Float, as_of: npt.ArrayLike) -> Curves:
        """Calibrated curves for n rows of features of the scorer's catalogue. ``as_of``: (n,) microseconds."""
        return self.calibration.apply(self.hazard.predict_curves(X, as_of=as_of))

    def score(self, history: History, requests: Requests, *, reasons: bool = True) -> pd.DataFrame:
        """One row for each request, in its order: the columns of docs/interchange-tables.md, dates or None.

        No purchase expected: no window, median date or call_on, and the first reason says so. Every lead is taken as
        open. ``reasons``: False leaves out all others, which take most of the time.
        """
        matrix = build_matrix(history, requests, self.catalogue)
        as_of = np.asarray(requests.as_of, dtype=np.int64)
        parts = [
            self.score_matrix(requests.lead_ids[i : i + _CHUNK], as_of[i : i + _CHUNK], matrix[i : i + _CHUNK], reasons)
            for i in range(0, max(len(as_of), 1), _CHUNK)
        ]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def score_matrix(self, lead_ids: Any, as_of: Int64, matrix: Float, reasons: bool = True) -> pd.DataFrame:
        """The same from features that are built already, encoded as ``build_matrix`` does."""
        columns = self.score_columns(lead_ids, as_of, matrix, reasons)
        return pd.DataFrame({name: _column(values, len(as_of)) for name, values in columns.items()})

    def score_columns(self, lead_ids: Any, as_of: Int64, matrix: Float, reasons: bool = True) -> dict[str, Any]:
        """The same as arrays and lists, or one value for all rows: making a frame takes longer than scoring a lead."""
        curves = self.curves(matrix, as_of)
        bought, lost = curves.at(list(self.horizons))
        readiness = self.readiness.of(bought[:, self.horizons.index(self.ready_horizon)])
        value = None if self.costs.deal_lost_after is None else deal_values(self.catalogue, matrix)
        decision = decide(curves, self.costs, value)
        window = self.windows.days(curves, readiness)
        first, median, last = (_dates(as_of, day, decision.call) for day in window)
        columns: dict[str, Any] = {"lead_id": list(lead_ids), "as_of": [to_iso(int(t)) for t in as_of]}
        columns["readiness"] = readiness
        columns |= {f"p_{h}": bought[:, j] for j, h in enumerate(self.horizons)}
        columns |= {f"p_lost_{h}": lost[:, j] for j, h in enumerate(self.horizons)}
        columns |= {"window_start": first, "window_end": last, "window_coverage": self.window_coverage}
        columns |= {"median_date": median, "call_on": _dates(as_of, decision.day, decision.call)}
        columns |= {"priority": decision.priority}
        columns["reasons"] = self._reasons(matrix, as_of, bought[:, -1], decision.call, reasons)
        if reasons:
            against = self.against_deadlines(matrix, as_of, (window[0], window[2]), decision.call)
            columns["reasons"] = [
                [*told, text] if text else told for told, text in zip(columns["reasons"], against, strict=True)
            ]
        columns["model_version"] = self.version
        columns |= {"cost_today": decision.today, "cost_best": np.where(decision.call, decision.best, np.nan)}
        columns["cost_week_later"] = np.where(decision.call, decision.week_later, np.nan)
        columns["cost_never"] = decision.never
        handoff = handoff_day(curves, self.costs, value)
        columns["handoff_on"] = _dates(as_of, handoff, decision.call & np.isfinite(handoff))
        columns["basis"] = MODEL if self.signal is None else self.signal.basis
        columns["basis_why"] = "" if self.signal is None else self.signal.why
        return columns

    def _reasons(
        self, matrix: Float, as_of: Int64, chance: Float, call: npt.NDArray[np.bool_], wanted: bool
    ) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in as_of]
        if wanted:
            found = [[fact.sentence for fact in facts] for facts in self.facts(matrix, as_of)]
            if self.signal is not None and self.signal.baseline:
                why = f"{self.signal.why[:1].upper()}{self.signal.why[1:]}"
                found = [[why, *facts] for facts in found]
        for row in np.flatnonzero(~call):
            said = f"No purchase expected within {self.horizons[-1]} days (chance {100 * chance[row]:.0f} %)"
            found[row] = [said, *found[row]]
        return found

    def against_deadlines(
        self, matrix: Float, as_of: Int64, window: tuple[Float, Float], call: npt.NDArray[np.bool_]
    ) -> list[str]:
        """(n,) what is to be said of declared deadlines that contradict the curve, as in ``model.deadlines``."""
        longest = self.horizons[-1]
        return contradictions(self.catalogue, matrix, as_of, window, self.slips, call=call, longest=longest)

    def facts(self, matrix: Float, as_of: Int64) -> list[list[Fact]]:
        """The facts that moved each of n rows most, the weightiest first."""
        weights = contributions(self.hazard, matrix, as_of, self.ready_horizon)
        return self._facts.of(matrix, weights)

    @cached_property
    def _facts(self) -> Facts:
        return Facts(self.catalogue, self.usual)

    def to_files(self) -> dict[str, bytes]:
        """By file name: JSON, and LightGBM's own texts or skops' format. ``from_files`` gives the same scores."""
        state, files = saved.to_files(self.hazard)
        files |= {"catalogue.json": self.catalogue.to_json().encode()}
        scorer = {
            "format": FORMAT,
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
            "version": self.version,
            "horizons": list(self.horizons),
            "costs": _not_default(self.costs),
            "calibration": self.calibration.to_json(),
            "windows": self.windows.to_json(),
            "readiness": asdict(self.readiness),
            "hazard": state,
            "signal": None if self.signal is None else asdict(self.signal),
            "usual": None if self.usual is None else self.usual.to_json(),
            "slips": {source: asdict(slip) for source, slip in self.slips.items()},
            "notes": self.notes,
        }
        options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2
        return {"scorer.json": orjson.dumps(scorer, option=options), **files}

    @classmethod
    def from_files(cls, files: dict[str, bytes], *, trusted: Sequence[str] = (), costs: Costs | None = None) -> Scorer:
        """InputError when files are missing, damaged or of another format, or hold types that are not trusted.

        ``trusted``: types of an estimator of one's own, as of model.own.Adapted; from the loader's settings.
        ``costs``: those in force by the loader's settings; without, those of the training. No curve depends on them.
        """
        absent = [name for name in ("scorer.json", "catalogue.json") if name not in files]
        if absent:
            raise InputError(where="model files", expected="scorer.json and catalogue.json", got=f"no {absent[0]}")
        try:
            data = orjson.loads(files["scorer.json"])
            found = data["format"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(where="scorer.json", expected="the JSON of a scorer", got=str(error)) from None
        if found != FORMAT:
            raise InputError(
                where="scorer.json", expected=f"format {FORMAT}", got=f"format {found}", remedy="Train the model anew"
            )
        try:
            _require_whole(files, data.get("sha256", {}))
            scorer = cls._from_json(data, files, trusted)
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            got = f"{type(error).__name__}: {error}"
            raise InputError(
                where="model files", expected="the files of a scorer", got=got, remedy="Train the model anew"
            ) from error
        return scorer if costs is None else replace(scorer, costs=CallCosts.of(costs))

    @classmethod
    def _from_json(cls, data: dict[str, Any], files: dict[str, bytes], trusted: Sequence[str]) -> Scorer:
        return cls(
            catalogue=Catalogue.from_json(files["catalogue.json"].decode()),
            hazard=saved.from_files(data["hazard"], files, trusted=trusted),
            calibration=Calibration.from_json(data["calibration"]),
            windows=Windows.from_json(data["windows"]),
            readiness=Readiness(tuple(data["readiness"]["chance"]), tuple(data["readiness"]["rank"])),
            horizons=tuple(data["horizons"]),
            costs=CallCosts(**data["costs"]),
            version=data["version"],
            signal=_signal(data.get("signal")),
            slips={source: Slip(**slip) for source, slip in data.get("slips", {}).items()},
            usual=None if data.get("usual") is None else Usual.from_json(data["usual"]),
            notes=data["notes"],
        )

    def digest(self) -> str:
        """64 hexadecimal digits: SHA-256 of the files."""
        digest = hashlib.sha256()
        for name, content in sorted(self.to_files().items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def deal_values(catalogue: Catalogue, matrix: Float) -> Float:
    """(n,) the lead's own `value` as the features know it; NaN where none is known."""
    for j, spec in enumerate(catalogue.features):
        if (spec.aggregation, spec.types, spec.properties) == (
            "last",
            (IDENTIFY,),
            ("value",),
        ) and not spec.categorical:
            return np.asarray(matrix[:, j])
    return np.full(len(matrix), np.nan)


def _signal(data: dict[str, Any] | None) -> Signal | None:
    return None if data is None else Signal(**{**data, "gain": data["gain"] and tuple(data["gain"])})


def _not_default(costs: CallCosts) -> dict[str, Any]:
    """So that a program which knows fewer costs can read those that it knows."""
    usual = asdict(CallCosts())
    return {name: value for name, value in asdict(costs).items() if name in _ALWAYS or value != usual[name]}


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


def _dates(as_of: Int64, day: Float, call: npt.NDArray[np.bool_]) -> list[date | None]:
    """The UTC date ``day`` days after each as-of time; None where no call is worth it."""
    number = np.floor(as_of / DAY + np.where(call, day, 0.0)).astype(np.int64)
    return [_EPOCH + timedelta(days=int(n)) if wanted else None for n, wanted in zip(number, call, strict=True)]


def _require_whole(files: dict[str, bytes], digests: dict[str, str]) -> None:
    """InputError unless the files are those that were written: LightGBM ends the process over a tree cut short."""
    for name, digest in digests.items():
        if name in files and hashlib.sha256(files[name]).hexdigest() != digest:
            raise InputError(
                where=name, expected="the file that was written", got="a damaged one", remedy="Train the model anew"
            )


def _column(values: Any, n: int) -> Any:
    """Lists of objects stay what they are: no date becomes a timestamp, no None becomes NaN."""
    if isinstance(values, list):
        column = np.empty(n, dtype=object)
        column[:] = values if not values or not isinstance(values[0], list) else None
        if values and isinstance(values[0], list):
            for i, value in enumerate(values):
                column[i] = value
        return pd.Series(column, dtype=object)
    return values if isinstance(values, np.ndarray) else [values] * n
