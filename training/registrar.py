"""From what was learned to a registered version: judged, written down in its run, and served if it passes the gate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from features.events import DAY, to_iso
from model.examples import Split
from training.cold_start import judge_cold
from training.data_checks import Finding
from training.data_report import DataReport, report_of
from training.document import document
from training.fitting import Fitted
from training.folds import run_folds
from training.gate import Rivals, Verdict, judge
from training.interrupts import held
from training.learn import Learned
from training.material import Material
from training.model_card import put_card, put_cold_card
from training.progress import Progress
from training.promotion import let_serve, log_checks
from training.summary import summary
from training.tracking import MEASURED, Example, Run, Tracking
from training.trained import Trained


@dataclass(frozen=True, eq=False)
class Registered:
    """``said``: what the run tells people at its end."""

    version: str
    verdict: Verdict
    said: str


@dataclass(frozen=True, eq=False)
class Registrar:
    """``run``: the one under way. ``last``: closed after the run has ended; signals that would leave something half
    done wait until then. ``rivals``: what a new model is held against. ``findings``: of the data checks.
    """

    given: Material
    tracking: Tracking
    run: Run
    progress: Progress
    last: ExitStack
    rivals: Rivals
    findings: Sequence[Finding]
    now: int

    def register(self, learned: Learned, *, folds: Sequence[Split]) -> Registered:
        """``folds``: of training.folds.plan_folds."""
        given, run, measured, signal = self.given, self.run, learned.measured, learned.signal
        blocks = {"train": learned.serving.train, "calibrate": learned.serving.calibrate, "test": learned.test}
        data = report_of(given, blocks)
        rolled = run_folds(run, given, folds, self.progress, newest=None if signal.baseline else measured)
        with self.progress.stage("judge, log and register") as logging:
            verdict = judge(
                measured,
                learned.fitted.scorer,
                learned.test,
                given.history,
                given.settings,
                rivals=self.rivals,
                seed=given.seed,
            )
            self._log(learned.serving, data, metrics=measured.metrics())
            if learned.curve is not None:
                run.files("learning_curve", {"learning_curve.csv": learned.curve.frame().to_csv(index=False).encode()})
                run.log(tags={"learning_curve": learned.curve.verdict})
            trained = Trained(
                version=given.version,
                history=given.history,
                split=given.split,
                settings=given.settings,
                source=given.source,
                data=given.provenance.data,
                position=given.read.position,
                seed=given.seed,
                fitted=learned.fitted,
                serving=learned.serving,
                test=learned.test,
                measured=measured,
                signal=signal,
                champion=None if self.rivals.champion is None else self.rivals.champion.scorer,
                verdict=verdict,
                folds=rolled,
                data_report=data,
                learning_curve=learned.curve,
            )
            report = document(run, trained)
            run.files(MEASURED, learned.fitted.scorer.to_files())
            version, verdict = self._version(learned.serving, verdict, trained.example())
            put_card(self.tracking, run, replace(trained, verdict=verdict), version, self.findings)
            logging.note = f"version {version} of {given.settings.model_name}"
        said = [
            str(data),
            "On the newest block, which the measured model has not seen:",
            summary(measured.evaluation, measured.reference, measured.windows, asked=given.settings.window_coverage),
            f"  {signal.why[:1].upper()}{signal.why[1:]}.",
            *([f"Learning curve, on the same block:\n\n{learned.curve}"] if learned.curve else []),
            *([f"  The report: {report}"] if report else []),
        ]
        return Registered(version, verdict, "\n\n".join(said))

    def register_cold(self, fitted: Fitted) -> Registered:
        """What was fitted on too little data to measure it."""
        found = self.given.lacking
        assert found is not None  # noqa: S101 - who calls has asked
        data, why = report_of(self.given, {"train": fitted.train, "calibrate": fitted.calibrate}), found.signal.why
        with self.progress.stage("log and register") as logging:
            verdict = judge_cold(found, serving=self.rivals.serving)
            self._log(fitted, data, metrics={})
            self.run.files(MEASURED, fitted.scorer.to_files())
            version, verdict = self._version(fitted, verdict)
            put_cold_card(self.tracking, self.run, self.given, fitted, verdict=verdict, version=version)
            logging.note = f"version {version} of {self.given.settings.model_name}"
        said = f"{data}\n\n  {why[:1].upper()}{why[1:]}. How good it is could not be measured."
        return Registered(version, verdict, said)

    def _log(self, serving: Fitted, data: DataReport, *, metrics: dict[str, float]) -> None:
        signal, split, settings = serving.scorer.signal, self.given.split, self.given.settings
        self.run.log(
            params={
                "source": self.given.source,
                "horizons": ",".join(map(str, settings.horizons)),
                "window_coverage": settings.window_coverage,
                "known_by": to_iso(split.known_by),
                "label_lag_days": f"{split.lag / DAY:.2f}",
                "calibrate_gap_days": f"{split.gap:.1f}",
                "test_since": to_iso(split.test_since),
                "test_until": to_iso(split.test_until),
                "features": len(serving.train.features.columns),
                **serving.scorer.notes,
            },
            metrics=metrics,
            tags={} if signal is None else {"signal": signal.verdict, "basis": signal.baseline or signal.basis},
        )
        self.run.files("data", {"report.json": data.to_json(), "months.csv": data.frame().to_csv(index=False).encode()})

    def _version(self, serving: Fitted, verdict: Verdict, example: Example | None = None) -> tuple[str, Verdict]:
        """Whole or not at all: interrupted in the midst, it is taken back; once it serves, it is too late for that."""
        hold = self.last.enter_context(held())
        tags = {"model_version": self.given.version}
        version = self.tracking.register(self.run, serving.scorer.to_files(), tags=tags, example=example)
        if hold.asked:
            self.tracking.client.delete_model_version(self.tracking.model_name, version)
            raise KeyboardInterrupt
        held_against = replace(verdict, champion=self.rivals.serving)
        verdict = let_serve(self.tracking, self.given.settings, held_against, version, now=self.now)
        log_checks(self.run, self.findings, verdict)
        return version, verdict
