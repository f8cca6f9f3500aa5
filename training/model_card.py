"""The model card of a version: what it is for, what it learned from, how good it is, and what it cannot know.

After Mitchell et al., Model Cards for Model Reporting, Proceedings of FAT* 2019, 220-229.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.events import DAY, to_iso
from features.lives import BOUGHT
from model.examples import Split
from model.metrics import Estimate, bootstrap_means, expected_observed, interval
from model.signal import Signal
from training.data_checks import Finding, told
from training.fitting import Fitted
from training.gate import Verdict
from training.gate.segments import segments
from training.inputs import Source
from training.material import Material
from training.tracking import Run, Tracking
from training.tracking.versions import DESCRIPTION_LIMIT, Versions
from training.trained import Trained

FILE = "card.md"
WHOLE = f"\n\nThe whole card is `{FILE}` among the artifacts of the run."
_PURPOSE = """To tell a sales team when to reach out to each of its own open leads, in which order, and why: from \
the engagement history of a lead up to a moment, the probability that it buys, or is lost, on each of the next \
{longest} days; from these a purchase window, a readiness and a date to call on. A person decides whether to call.

Not intended:

- for leads of another organisation or market, or whose history is recorded in another way;
- beyond {longest} days;
- to decide on credit, prices, employment, or anything with legal or similar effects for a person;
- to say what a call would change: it has seen which leads buy, not which buy because they were called;
- to judge salespeople by the purchases of leads that were not dealt out evenly."""


def put_card(tracking: Tracking, run: Run, trained: Trained, version: str, findings: Sequence[Finding]) -> None:
    """Onto the version's page, as far as there is room, and whole into the run."""
    whole = card(trained, version, findings)
    short = whole
    if len(whole) > DESCRIPTION_LIMIT:
        short = card(trained, version, findings, short=True)
        if len(short) > DESCRIPTION_LIMIT - len(WHOLE):
            short = short[: DESCRIPTION_LIMIT - len(WHOLE)].rpartition("\n")[0]
        short += WHOLE
    run.files("", {FILE: whole.encode()})
    Versions(tracking, trained.settings.model_alias).describe(version, short)


def put_cold_card(
    tracking: Tracking, run: Run, given: Material, fitted: Fitted, *, verdict: Verdict, version: str
) -> None:
    """Of a curve for everybody, where there was too little to measure it with."""
    settings, split = given.settings, given.split
    where = _read_from(given.source, given.read.position, given.provenance.data)
    text = "\n\n".join(
        [
            f"# {settings.model_name}, version {version} ({given.version})",
            _state(verdict, fitted.scorer.signal),
            "## What it is for\n\n" + _PURPOSE.format(longest=settings.horizons[-1]),
            "## What it learned from\n\n" + _data(fitted, split, where),
            "## How good it is\n\nThat could not be measured: all of the little data was learned from.",
            "## What it cannot know\n\nAnything about one lead: every lead of the same age gets the same curve.",
            "## To train it again\n\n" + _again(version, given.seed, split),
        ]
    )
    run.files("", {FILE: f"{text}\n".encode()})
    Versions(tracking, settings.model_alias).describe(version, text)


def card(trained: Trained, version: str, findings: Sequence[Finding], *, short: bool = False) -> str:
    """Markdown. ``short``: without the segments, and of the gate only what failed."""
    longest = trained.settings.horizons[-1]
    parts = [
        f"# {trained.settings.model_name}, version {version} ({trained.version})",
        _state(trained.verdict, trained.serving.scorer.signal),
        "## What it is for\n\n" + _PURPOSE.format(longest=longest),
        "## What it learned from\n\n"
        + _data(trained.serving, trained.split, _read_from(trained.source, trained.position, trained.data)),
        "## How good it is\n\n" + _figures(trained),
        *([] if short else ["### By segment\n\n" + _by_segment(trained)]),
        "## What the gate said\n\n" + _gate(trained.verdict, short=short),
        "## What it cannot know\n\n" + _limits(trained, findings),
        "## To train it again\n\n" + _again(version, trained.seed, trained.split),
    ]
    return "\n\n".join(parts) + "\n"


def _state(verdict: Verdict, signal: Signal | None) -> str:
    passed = "It passed the gate." if verdict.passed else "**It did not pass the gate.**"
    if signal is None:
        return passed
    answers = f"**A baseline answers, not the model: {signal.baseline}.** " if signal.baseline else ""
    return f"{passed} {answers}{signal.why[:1].upper()}{signal.why[1:]}."


def _data(fitted: Fitted, split: Split, where: str) -> str:
    train = fitted.train
    leads = len(np.unique(train.group))
    won = len(np.unique(train.group[train.outcome == BOUGHT]))
    return (
        f"{leads:,} leads, of which {won:,} bought while they were followed, in {len(train):,} examples of "
        f"{train.features.shape[1]} features; from {to_iso(split.train_since)[:10]} to {to_iso(split.known_by)[:10]}. "
        f"{where}."
    )


def _read_from(source: Source, position: int | None, digest: str) -> str:
    at = "" if position is None else f", log position {position}"
    return f"Read from {source}{at}; digest of the events `{digest}`"


def _figures(trained: Trained) -> str:
    """Of the scorer that was fitted without the newest block."""
    measured, split = trained.measured, trained.split
    found, windows = measured.evaluation, measured.windows
    rows = [
        ("integrated Brier score (0 is perfect)", _interval(found.ibs, 4)),
        ("skill over the curve without features", _interval(found.skill, 3)),
        *((f"AUC, bought by day {h}", _interval(each, 3)) for h, each in found.auc.items()),
        *(
            (f"expected / observed, day {h}", f"{_interval(each, 2)}; calibration index {found.ici[h]:.3f}")
            for h, each in found.ratio.items()
        ),
        (
            f"bought within their window (asked: {100 * trained.settings.window_coverage:.0f} %)",
            f"{100 * windows.coverage:.0f} % of {windows.purchasers:,} rows; {windows.width:.0f} days wide on average",
        ),
        ("lift of the first tenth", f"{found.lift:.1f}"),
    ]
    leads = len(np.unique(measured.block.groups))
    return (
        f"On {len(measured.block):,} rows of {leads:,} leads that were open between {to_iso(split.test_since)[:10]} "
        f"and {to_iso(split.test_until)[:10]}, which the measured model has not seen; what serves has learned from "
        "them too. In brackets 95 % intervals, whole leads drawn anew.\n\n" + _table(("figure", "value"), rows)
    )


def _by_segment(trained: Trained) -> str:
    measured, gate = trained.measured, trained.settings.gate
    block, horizon = measured.block, trained.serving.scorer.ready_horizon
    trait = trained.settings.measurement.segment
    members = segments(trained.history, trained.test, measured.answers.readiness, trait=trait).members
    weights, predicted = block.weights([horizon]), measured.curves.at([horizon])[0]
    bought, rows = (block.outcome == BOUGHT) & (block.duration <= block.horizons[-1]), []
    for name, mine in members.items():
        leads, won = (len(np.unique(block.groups[some])) for some in (mine, mine[bought[mine]]))
        if leads < gate.segment_leads or won < gate.segment_purchases:
            continue
        losses = measured.evaluation.ibs_losses[mine]
        score = interval(float(losses.mean()), bootstrap_means(losses[:, None], block.groups[mine], draws=200)[:, 0])
        ratio = float(expected_observed(weights.rows(mine), predicted[mine])[0])
        rows.append((name, f"{leads:,}", f"{won:,}", _interval(score, 4), f"{ratio:.2f}"))
    least = f"at least {gate.segment_leads} leads and {gate.segment_purchases} purchasers"
    if not rows:
        return f"No segment has {least} in the newest block."
    head = ("segment", "leads", "purchasers", "integrated Brier score", f"expected / observed, day {horizon}")
    return f"Segments of {least}; of smaller ones nothing can be said.\n\n" + _table(head, rows)


def _gate(verdict: Verdict, *, short: bool) -> str:
    held = f"Held against version {verdict.champion}." if verdict.champion else "Nothing served to be held against."
    shown = [check for check in verdict.checks if not check.passed or not short]
    lines = [f"- {'passed' if check.passed else '**failed**'}: {check.reason}" for check in shown]
    left_out = len(verdict.checks) - len(shown)
    return "\n".join([held, "", *lines, *([f"- {left_out} others passed"] if left_out else [])])


def _limits(trained: Trained, findings: Sequence[Finding]) -> str:
    days = (trained.split.known_by - trained.split.train_since) / DAY
    longest = trained.settings.horizons[-1]
    lines = [
        "That a lead is still open is taken as chance: where hopeless ones are left open, it promises too little.",
        "Calls have changed what it learned from; a team that begins to call at other times changes the market.",
        f"The newest leads are not in the figures above: one counts once it was followed, up to {longest} days.",
    ]
    if days < 730:
        lines.append(f"It has seen {days:.0f} days: what returns each year it cannot tell from what happened once.")
    lines += [f"Data check, {text}." for text in told(findings)]
    return "\n".join(f"- {line}" for line in lines)


def _again(version: str, seed: int, split: Split) -> str:
    return (
        f"`python -m training.train --like {version}` gives the same files, byte for byte, and says so where it does "
        f"not (seed {seed}, known at {to_iso(split.known_by)})."
    )


def _interval(found: Estimate, digits: int) -> str:
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])
