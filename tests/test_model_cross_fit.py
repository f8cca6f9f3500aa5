"""The ensemble over leads: who is judged by whom, what is held out, and how far features are trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.exceptions import NotFittedError

from features.errors import InputError
from model import cross_fit
from model.aalen_johansen import AalenJohansen
from model.bin_scores import bin_scores
from model.cross_fit import FOLDS, Blend, Draw, parts_of
from model.curves import Curves
from model.hazard import PurchaseHazard
from tests.model_data import Made, made

HORIZONS = (7, 30, 90)
QUICK: dict[str, Any] = {"max_trees": 15, "learning_rate": 0.1, "n_jobs": 1}
FIXED = Blend(n_trees=10, boosted=0.6, additive=0.4, constant=0.05, trust=0.9)


def fitted(data: Made, **options: Any) -> PurchaseHazard:
    return PurchaseHazard(HORIZONS, **{**QUICK, **options}).fit(data.X, data.y, groups=data.groups, as_of=data.as_of)


def held_out(model: PurchaseHazard, data: Made) -> Curves:
    return model.predict_held_out(data.X, data.groups, as_of=data.as_of)


def same(one: Curves, other: Curves) -> npt.NDArray[np.bool_]:
    """(n,): the rows whose curves are equal to the last bit."""
    return np.all((one.purchased == other.purchased) & (one.lost == other.lost), axis=1)


@pytest.fixture(scope="module")
def data() -> Made:
    return made(900, per_lead=3)


@pytest.fixture(scope="module")
def model(data: Made) -> PurchaseHazard:
    return fitted(data)


def test_each_kind_of_ending_is_dealt_out_evenly() -> None:
    endings = np.random.default_rng(0).choice([0, 1, 2], 403, p=[0.6, 0.3, 0.1]).astype(np.int8)
    part = parts_of(endings, 5)
    assert set(part.tolist()) == set(range(FOLDS))
    for kind in (0, 1, 2):
        count = np.bincount(part[endings == kind], minlength=FOLDS)
        assert count.max() - count.min() <= 1
    size = np.bincount(part)
    assert size.max() - size.min() <= 1  # also when what is left over of each kind comes together
    assert np.array_equal(part, parts_of(endings, 5))
    assert not np.array_equal(part, parts_of(endings, 6))


def test_each_lead_is_held_out_once_in_each_repeat(model: PurchaseHazard, data: Made) -> None:
    assert len(model._held_out) == 3
    for part, texts in model._held_out:
        assert part.shape == (len(np.unique(data.groups)),)
        assert np.bincount(part).tolist() == [75] * FOLDS
        assert len(texts) == FOLDS
    first, second, third = (part for part, _ in model._held_out)
    assert (first != second).any()
    assert (second != third).any()


def test_many_rows_are_parted_once_and_each_member_draws_its_own(data: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_fit, "_FEW_ROWS", 0)
    drawn: list[Draw] = []
    original = cross_fit._fit_member

    def watched(draw: Draw, *rest: Any, **options: Any) -> None:
        drawn.append(draw)
        original(draw, *rest, **options)

    monkeypatch.setattr(cross_fit, "_fit_member", watched)
    one = fitted(data, max_rows=3000, seed=7)
    assert len(one._held_out) == 1
    assert len({draw.source.row.tobytes() for draw in drawn}) == FOLDS
    assert max(len(draw.source) for draw in drawn) < 3300
    other = fitted(data, max_rows=3000, seed=7, n_jobs=2)
    assert one.to_files()[1] == other.to_files()[1]
    assert [texts for _, texts in one._held_out] == [texts for _, texts in other._held_out]
    assert one.to_files()[1] != fitted(data, max_rows=3000, seed=8).to_files()[1]


def test_the_ensemble_is_the_mean_of_its_members(model: PurchaseHazard, data: Made) -> None:
    matrix = model.columns_.encode(data.X)

    def scores(texts: dict[int, str]) -> npt.NDArray[np.float64]:
        forest = model._parse(texts)
        assert forest is not None
        return bin_scores(forest, model.time_, matrix, data.as_of)

    members = [scores(texts) for _, members in model._held_out for texts in members]
    assert len(members) == 3 * FOLDS
    assert np.std(members, axis=0).max() > 0.1
    np.testing.assert_allclose(np.mean(members, axis=0), scores(model.texts_), rtol=0, atol=1e-9)


def test_a_lead_is_predicted_by_members_that_have_not_seen_it(data: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels of one lead are turned round where members are fitted; the choices that all members share are fixed.

    Its own curves stay as they were to the last bit, for those who have seen it are not asked.
    """
    monkeypatch.setattr(cross_fit, "_blend", lambda members: [setattr(m, "boosted", None) for m in members] and FIXED)
    monkeypatch.setattr(cross_fit, "_RIDGES", (30.0,))
    original = cross_fit._fit_member
    lead = int(data.groups[data.y["outcome"] == 1][3])

    def turned(draw: Draw, *rest: Any, **options: Any) -> None:
        tasks = {
            ending: replace(task, label=np.where(draw.lead == lead, 1 - task.label, task.label))
            for ending, task in draw.tasks.items()
        }
        original(replace(draw, tasks=tasks), *rest, **options)

    before = fitted(data)
    monkeypatch.setattr(cross_fit, "_fit_member", turned)
    after = fitted(data)
    own = data.groups == lead
    unchanged = same(held_out(before, data), held_out(after, data))
    assert unchanged[own].all()
    assert unchanged[~own].mean() < 0.1  # a lead shares all of its members with the other only by chance
    one, other = (m.predict_curves(data.X, as_of=data.as_of) for m in (before, after))
    assert not same(one, other)[own].any()
    for (part, was), (_, now) in zip(before._held_out, after._held_out, strict=True):
        assert [a == b for a, b in zip(was, now, strict=True)] == [k == part[lead] for k in range(FOLDS)]


def test_what_is_known_by_heart_does_not_show_in_held_out_curves() -> None:
    """A feature that is a number of the lead's own tells all about leads that were seen, and nothing of others."""
    rng = np.random.default_rng(0)
    data = made(1200, signal=False, per_lead=6)
    lead_day, lead_name = rng.uniform(1, 89, 200), rng.permutation(np.arange(200.0))
    y = data.y.copy()
    y["outcome"] = 1 + data.groups % 2
    y["duration"] = lead_day[data.groups]
    told = replace(data, X=data.X.assign(noise=lead_name[data.groups], x=lead_name[data.groups]), y=y)
    model = fitted(told, max_trees=40)
    curves = held_out(model, told)
    everybody = AalenJohansen(HORIZONS).fit(None, y).predict_curves(np.empty((len(y), 0)))
    grid = np.arange(1.0, 90.0)
    truth = (y["outcome"] == 1)[:, None] & (y["duration"][:, None] <= grid)

    def loss(found: Curves) -> float:
        return float(((found.at(grid)[0] - truth) ** 2).mean())

    assert loss(curves) > 0.97 * loss(everybody)
    assert max((blend.trust for blend in model.blends_.values()), default=0.0) < 0.6


def test_held_out_curves_are_not_those_of_the_ensemble(model: PurchaseHazard, data: Made) -> None:
    found, all_ = held_out(model, data), model.predict_curves(data.X, as_of=data.as_of)
    assert not same(found, all_).any()
    assert np.abs(found.purchased - all_.purchased).mean() < 0.05

    def loss(curves: Curves) -> float:
        seen = data.y["outcome"] > 0
        truth = (data.y["outcome"] == 1) & (data.y["duration"] <= 30)
        return float(((curves.at([30])[0][:, 0] - truth) ** 2)[seen].mean())

    assert loss(all_) < loss(found)  # the ensemble has seen the answers


def test_leads_that_none_has_seen_get_the_ensemble(model: PurchaseHazard, data: Made) -> None:
    groups = data.groups.copy()
    groups[::3] += 10_000
    groups[1] = -5
    found = model.predict_held_out(data.X, groups, as_of=data.as_of)
    equal = same(found, model.predict_curves(data.X, as_of=data.as_of))
    strange = (groups >= 10_000) | (groups < 0)
    assert equal[strange].all()
    assert not equal[~strange].any()
    assert same(found, held_out(model, data))[~strange].all()


def test_leads_may_go_by_name_and_rows_in_any_order(data: Made, model: PurchaseHazard) -> None:
    names = np.array([f"lead {code:03}" for code in data.groups])
    named = PurchaseHazard(HORIZONS, **QUICK).fit(data.X, data.y, groups=names, as_of=data.as_of)
    order = np.random.default_rng(0).permutation(len(names))[:100]
    found = named.predict_held_out(data.X.iloc[order], names[order], as_of=data.as_of[order])
    assert same(found, held_out(model, data).rows(order)).all()
    with pytest.raises(InputError, match="one value for each of 100 rows"):
        named.predict_held_out(data.X.iloc[order], names[:5], as_of=data.as_of[order])


def test_files_do_not_keep_the_members(model: PurchaseHazard, data: Made) -> None:
    again = PurchaseHazard.from_files(*model.to_files())
    with pytest.raises(NotFittedError, match="call fit first"):
        held_out(again, data)


def test_a_strong_signal_is_trusted_and_noise_is_not(model: PurchaseHazard) -> None:
    assert model.blends_[1].trust > 0.8
    for blend in fitted(made(900, per_lead=3, signal=False)).blends_.values():
        assert blend.trust < 0.6


def test_without_trust_the_curve_is_aalen_johansens() -> None:
    noise = made(900, per_lead=3, signal=False, seed=1)
    model = fitted(noise)
    assert {ending: blend.trust for ending, blend in model.blends_.items()} == {1: 0.0, 2: 0.0}
    assert model.texts_ == {}
    assert model.booster(1) is None
    assert model.booster(2) is None
    everybody = AalenJohansen(HORIZONS).fit(None, noise.y).predict_curves(noise.X)
    for curves in (model.predict_curves(noise.X, as_of=noise.as_of), held_out(model, noise)):
        for mine, its in zip(curves.at(HORIZONS), everybody.at(HORIZONS), strict=True):
            assert np.all(mine == mine[0])
            np.testing.assert_allclose(mine, its, rtol=0, atol=1e-6)
    again = PurchaseHazard.from_files(*model.to_files())
    assert same(*(m.predict_curves(noise.X, as_of=noise.as_of) for m in (model, again))).all()


def test_the_same_seed_gives_the_same_members(model: PurchaseHazard, data: Made) -> None:
    again = fitted(data)
    assert again.to_files() == model.to_files()
    for (part, texts), (other, others) in zip(model._held_out, again._held_out, strict=True):
        assert np.array_equal(part, other)
        assert texts == others
