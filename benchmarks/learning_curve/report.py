"""The section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t

from benchmarks.document import markdown_table
from benchmarks.learning_curve.draw import Drawn
from benchmarks.learning_curve.material import Material
from model.metrics import Estimate

TITLE = "Learning curve: from few leads to many"
FROM = 50  # leads, from which on the product may not be worse than Aalen-Johansen
HEAD = (
    "leads",
    "purchases among them",
    "draws",
    "relative to Aalen-Johansen",
    "worst draw",
    "Aalen-Johansen",
    "share of the best possible",
    "features used",
    "rows",
    "seconds",
    "peak MB",
)


def report(found: Mapping[str, tuple[Material, Sequence[Drawn]]], command: str, minutes: float) -> str:
    """``command``: how it was called, and how long that took."""
    parts = [
        f"""`{command}`, {minutes:.0f} minutes. The product's own fit (features, ensemble,
calibration) on the past of a number of leads, and the same questions about other leads for every number. *Relative to
Aalen-Johansen*: integrated Brier score over that of Aalen-Johansen learned from the same leads, below 1 is better; in
brackets the 95 % interval of the mean over the draws, with a single draw that of resampling the leads that are
asked about. *Share of the best possible*: of the gain over Aalen-Johansen that the true law makes, given all that the
tables show. *Features used*: fits that trusted features for at least one ending; the others are Aalen-Johansen's curve.
Seconds and memory (beyond what was held before) are of one fit with its features. `training.train` gives one shrunken
curve for everybody below 50 leads or 20 purchases; here the model is asked all the same."""
    ]
    for name, (material, drawn) in found.items():
        parts.append(f"### {name}\n\n{_about(material)}\n\n{_table(drawn)}{_refused(drawn)}")
    return "\n\n".join([*parts, _verdict(found)])


def _about(material: Material) -> str:
    leads = len(np.unique(material.asked.lead_ids.astype(str)))
    return f"Asked: {len(material.asked):,} times about {leads:,} leads, horizons {material.horizons} days."


def _by_size(drawn: Sequence[Drawn]) -> list[list[Drawn]]:
    return [[one for one in drawn if one.size == size] for size in sorted({one.size for one in drawn})]


def relative(of_size: Sequence[Drawn]) -> Estimate:
    """Of the draws that could be learned from: the mean with its interval."""
    done = [one for one in of_size if not one.refused]
    if not done:
        return Estimate(float("nan"), float("nan"), float("nan"))
    ratio = np.array([one.own / one.reference for one in done])
    if len(done) == 1:
        return Estimate(float(ratio[0]), done[0].low, done[0].high)
    reach = float(t.ppf(0.975, len(ratio) - 1) * ratio.std(ddof=1) / np.sqrt(len(ratio)))
    return Estimate(float(ratio.mean()), float(ratio.mean()) - reach, float(ratio.mean()) + reach)


def _table(drawn: Sequence[Drawn]) -> str:
    lines = []
    for of_size in _by_size(drawn):
        done = [one for one in of_size if not one.refused]
        first = [f"{of_size[0].size:,}", f"{np.mean([one.purchases for one in of_size]):,.0f}"]
        if not done:
            lines.append([*first, f"0 of {len(of_size)}", *["-"] * (len(HEAD) - 3)])
            continue
        own, reference, best = (np.array([getattr(one, name) for one in done]) for name in ("own", "reference", "best"))
        share = float(np.mean((reference - own) / (reference - best)))
        ratio = relative(of_size)
        lines.append(
            [
                *first,
                str(len(done)) if len(done) == len(of_size) else f"{len(done)} of {len(of_size)}",
                f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})",
                f"{(own / reference).max():.3f}",
                f"{reference.mean():.4f}",
                f"{100 * share:.0f} %" if np.isfinite(share) else "-",
                f"{sum(one.trusted > 0 for one in done)} of {len(done)}",
                f"{np.mean([one.rows for one in done]):,.0f}",
                f"{np.mean([one.seconds for one in done]):.1f}",
                f"{max(one.peak_mb for one in done):,.0f}",
            ]
        )
    return markdown_table(HEAD, lines)


def _refused(drawn: Sequence[Drawn]) -> str:
    said = sorted({f"{one.size:,} leads: {one.refused}" for one in drawn if one.refused})
    return "\n\nNothing could be learned from some draws. " + ". ".join(said) + "." if said else ""


def _verdict(found: Mapping[str, tuple[Material, Sequence[Drawn]]]) -> str:
    worse = [
        f"{name} at {of_size[0].size:,} leads"
        for name, (_, drawn) in found.items()
        for of_size in _by_size(drawn)
        if of_size[0].size >= FROM and relative(of_size).low > 1
    ]
    told = "nowhere" if not worse else "**" + "; ".join(worse) + "**"
    return f"From {FROM} leads up, worse than Aalen-Johansen by more than noise (the whole interval above 1): {told}."
