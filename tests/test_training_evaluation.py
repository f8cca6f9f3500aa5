"""The figures of one model on one block, and the pictures made of them."""

import io

import numpy as np
import pytest

from model.aalen_johansen import AalenJohansen
from model.curves import Curves
from model.frame import endings
from training import pictures
from training.evaluation import Block, difference, evaluate

DAYS = np.arange(0.0, 11.0)


def world(n: int = 1500) -> tuple[Block, Curves]:
    """Leads whose daily rate of buying is known, followed for 20 days at most; the true curves."""
    rng = np.random.default_rng(0)
    rate = rng.gamma(1.0, 0.06, n)
    bought, lost, censored = rng.exponential(1 / rate), rng.exponential(15, n), rng.uniform(5, 20, n)
    duration = np.minimum(np.minimum(bought, lost), censored)
    outcome = np.where(duration == censored, 0, np.where(duration == bought, 1, 2)).astype(np.int8)
    total = rate + 1 / 15
    ended = 1 - np.exp(-total[:, None] * DAYS)
    curves = Curves(DAYS, (rate / total)[:, None] * ended, (1 / 15 / total)[:, None] * ended)
    groups = np.array([f"lead-{i // 2}" for i in range(n)])
    return Block(duration, outcome, groups, horizons=(2, 5, 10)), curves


def baseline(block: Block) -> Curves:
    model = AalenJohansen(block.horizons).fit(None, endings(block.outcome, block.duration))
    return model.predict_curves(np.empty((len(block), 0)))


def test_true_curves_beat_the_baseline_and_are_calibrated() -> None:
    block, curves = world()
    found = evaluate(block, curves, baseline(block))
    assert 0.02 < found.skill.low < found.skill.value < found.skill.high
    assert found.ibs.value == pytest.approx(found.ibs_losses.mean())
    assert set(found.auc) == {2, 5, 10}
    assert all(0.6 < auc.low < auc.value < auc.high for auc in found.auc.values())
    assert all(ratio.low < 1 < ratio.high for ratio in found.ratio.values())
    assert all(index < 0.03 for index in found.ici.values())
    assert found.lift > 1.5
    assert found.metrics()["skill"] == found.skill.value


def test_the_baseline_against_itself_has_no_skill_and_no_ranking() -> None:
    block, _ = world()
    found = evaluate(block, baseline(block), baseline(block))
    assert (found.skill.low, found.skill.value, found.skill.high) == (0, 0, 0)
    assert found.auc[5].value == 0.5


def test_a_difference_is_paired() -> None:
    block, curves = world()
    losses = evaluate(block, curves, baseline(block)).ibs_losses
    gap = difference(losses + 0.01, losses, block.groups)
    assert (gap.low, gap.value, gap.high) == pytest.approx((0.01, 0.01, 0.01))


def test_a_block_without_purchases_has_figures_that_say_so() -> None:
    block, curves = world(200)
    none = Block(block.duration, np.where(block.outcome == 1, 2, block.outcome), block.groups, block.horizons)
    found = evaluate(none, curves, baseline(none))
    assert np.isnan(found.auc[5].value)
    assert np.isnan(found.ratio[5].value)
    assert np.isnan(found.lift)


@pytest.mark.parametrize("name", ["calibration", "curve_groups", "lift"])
def test_pictures_have_a_title_and_named_axes(name: str) -> None:
    block, curves = world()
    figure = getattr(pictures, name)(block, curves)
    assert figure.axes[0].get_title(loc="left")
    assert all(ax.get_xlabel() for ax in figure.axes)
    assert figure.axes[0].get_ylabel()
    drawn = io.BytesIO()
    figure.savefig(drawn)
    assert len(drawn.getvalue()) > 10_000


def test_importance_shows_the_largest_shares() -> None:
    figure = pictures.importance({f"feature_{i}": float(i) for i in range(50)}, shown=5)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [f"feature_{i}" for i in range(45, 50)]
