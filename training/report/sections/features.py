"""What the model looks at, and what each of the leading features does to the chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from features.lives import BOUGHT
from model.curves import Float
from model.effects import Effect, effect_of
from model.examples import Examples
from model.importance import Importance, permutation_importance
from model.scorer import Scorer
from training.evaluation import Block, ibs_losses
from training.report.parts import Figure, Section, Table, number, percent
from training.report.svg import Plot, Row, bars, padded, ticks
from training.trained import Trained

SHUFFLED, SHOWN, DRAWN = 24, 15, 6  # by gain; by importance; with their effect
ROWS = 2_000  # of the newest block, at most: a look at each shuffle takes a prediction


def gains(scorer: Scorer) -> dict[str, float]:
    """Each feature's share of the loss that all splits of the purchase hazard's trees took away, the largest first.

    Empty where no trees answer.
    """
    booster = scorer.hazard.booster(BOUGHT)
    if booster is None:
        return {}
    gain = dict(zip(scorer.hazard.feature_names_, booster.feature_importance("gain"), strict=True))
    total = sum(gain.values()) or 1.0
    known = {name: value / total for name, value in gain.items() if name in scorer.catalogue.names}
    return dict(sorted(known.items(), key=lambda item: -item[1]))


def features(trained: Trained) -> list[Section]:
    """Importance and effects; neither where a baseline without features answers."""
    scorer = trained.fitted.scorer
    gain = gains(scorer)
    if not gain:
        return []
    rows = _sample(trained)
    X = rows.features[list(scorer.catalogue.names)]
    block = Block(rows.duration, rows.outcome, rows.lead_ids.astype(str), scorer.horizons)

    def losses(frame: pd.DataFrame) -> Float:
        return ibs_losses(block, scorer.curves(frame, rows.as_of))

    names = [name for name, share in list(gain.items())[:SHUFFLED] if share > 0]
    found = permutation_importance(losses, X, names, seed=trained.seed)[:SHOWN]
    labels = {spec.name: spec.label or spec.name for spec in scorer.catalogue.features}
    usual = float(losses(X).mean())
    sections = [_importance(found, gain, labels, usual=usual, n=len(X), shuffles=len(names))]
    effects = _effects(scorer, rows, X, [one.feature for one in found if one.loss.value > 0])
    if effects:
        sections.append(_effects_section(effects, labels, scorer.ready_horizon))
    return sections


def _sample(trained: Trained) -> Examples:
    test = trained.test
    if len(test) <= ROWS:
        return test
    drawn = np.random.default_rng(trained.seed).choice(len(test), ROWS, replace=False)
    return test.rows(np.sort(drawn))


def _effects(scorer: Scorer, rows: Examples, X: pd.DataFrame, names: list[str]) -> list[Effect]:
    def chance_of(known: pd.DataFrame) -> Float:
        as_of = rows.as_of[X.index.get_indexer(known.index)]
        return np.asarray(scorer.curves(known, as_of).at([scorer.ready_horizon])[0][:, 0])

    predict: Callable[[pd.DataFrame], Float] = chance_of
    found = (effect_of(predict, X, name) for name in names[: 2 * DRAWN])
    return [effect for effect in found if effect is not None][:DRAWN]


def _importance(
    found: list[Importance], gain: dict[str, float], labels: dict[str, str], *, usual: float, n: int, shuffles: int
) -> Section:
    shuffled = [
        Row(labels[one.feature], one.loss.value / usual, one.loss.low / usual, one.loss.high / usual) for one in found
    ]
    top = list(gain.items())[:SHOWN]
    said = ", ".join(f"{row.name} {percent(row.value)}" for row in shuffled[:5])
    said_gain = ", ".join(f"{labels[name]} {percent(share)}" for name, share in top[:5])
    figures = (
        Figure(
            "By shuffling",
            "The longer the bar, the worse the model predicts the newest block when that feature is shuffled among the "
            "leads; the thin line spans three shuffles.",
            (
                bars(
                    shuffled,
                    lambda v: percent(v, 1 if max(row.value for row in shuffled) < 0.1 else 0),
                    title="integrated Brier score rises by",
                    alt=f"Importance by shuffling, the first five: {said}.",
                ),
            ),
        ),
        Figure(
            "By gain",
            "The longer the bar, the more of the error in training the trees took away by asking about that feature; "
            "features with many values are favoured.",
            (
                bars(
                    [Row(labels[name], share, style="s2") for name, share in top],
                    lambda v: percent(v, 0),
                    title="share of the gain",
                    alt=f"Importance by gain, the first five: {said_gain}.",
                ),
            ),
        ),
    )
    table = Table(
        "Importance of features",
        ("feature", "name in the catalogue", "shuffled", "gain"),
        tuple(
            (labels[one.feature], one.feature, percent(one.loss.value / usual, 2), percent(gain[one.feature], 2))
            for one in found
        ),
        text=frozenset({0, 1}),
    )
    text = (
        f"Shuffled were the {shuffles} features of the highest gain, on {n:,} looks of the newest block. Features that "
        "tell the same stand in for each other and share their importance."
    )
    return Section("importance", "What the model looks at", (text,), figures, (table,))


def _effects_section(effects: list[Effect], labels: dict[str, str], horizon: int) -> Section:
    panels = tuple(_panel(effect, labels[effect.feature]) for effect in effects)
    figure = Figure(
        f"Effect on the chance to buy within {horizon} days",
        "Where the line rises the chance rises with the feature, all else as it is; the grey ticks each stand for a "
        "twentieth of the leads, and where there are none the line says little. Each picture has its own scale.",
        panels,
        (("s1", "accumulated effect"), ("data", "where the leads lie")),
        Table(
            "Effects in numbers",
            ("feature", "lowest", "highest", "without a value"),
            tuple(
                (
                    labels[effect.feature],
                    f"{percent(float(effect.effect.min()))} at {_where(effect, int(np.argmin(effect.effect)))}",
                    f"{percent(float(effect.effect.max()))} at {_where(effect, int(np.argmax(effect.effect)))}",
                    percent(effect.missing, 0),
                )
                for effect in effects
            ),
            text=frozenset({0, 1, 2}),
        ),
    )
    return Section(
        "effects",
        "What the leading features do",
        ("Accumulated local effects of the leading features, in percentage points around the mean of all leads.",),
        (figure,),
    )


def _where(effect: Effect, j: int) -> str:
    at = effect.at[j]
    return at if isinstance(at, str) else _short(at)


def _short(value: float) -> str:
    return number(value, 0 if abs(value) >= 10 or value == round(value) else 2)


def _panel(effect: Effect, label: str) -> str:
    """The effect above, and below it where the data lie."""
    values = effect.effect.tolist()
    low, high = padded(values, include=0)
    floor = low - 0.2 * (high - low)
    numeric = not effect.is_text
    at = [float(v) for v in effect.at] if numeric else [float(j) for j in range(len(effect.at))]
    x = padded(at, share=0.04) if numeric else (-0.6, len(at) - 0.4)
    plot = Plot(x, (floor, high), size=(385, 250), margins=(34, 14, 30, 54))
    plot.title(label if len(label) <= 42 else f"{label[:41]}\u2026")
    digits = 0 if high - low > 0.04 else 1 if high - low > 0.004 else 2
    plot.y_axis(lambda v: percent(v, digits), at=[tick for tick in ticks(low, high, about=4) if tick >= low])
    if numeric:
        plot.x_axis(_short, grid=False)
        plot.rug(at, 12)
        plot.line(list(zip(at, values, strict=True)), "s1")
    else:
        every = -(-len(at) // 5)
        plot.x_axis(lambda v: str(effect.at[int(v)])[:11], at=at[::every], grid=False)
        for j, (value, share) in enumerate(zip(values, effect.share.tolist(), strict=True)):
            plot.bar((j - 0.3, j + 0.3), (floor, floor + 0.8 * (low - floor) * share / effect.share.max()), "data")
            plot.dot(j, value, "s1", f"{effect.at[j]}: {percent(value)}")
    plot.level(0.0, "mark")
    least, most = int(np.argmin(effect.effect)), int(np.argmax(effect.effect))
    return plot.svg(
        f"{label}: the chance is lowest, {percent(values[least])} from the mean, at {_where(effect, least)}, "
        f"and highest, {percent(values[most])}, at {_where(effect, most)}."
    )
