"""The benchmark of when to call: what is kept comes back, and every rule is counted on the same leads."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from seen_leads import seen

from benchmarks.backtest import outcomes as kept
from benchmarks.backtest import seen as looked
from benchmarks.backtest.outcomes import Pooled, outcomes
from benchmarks.backtest.report import section
from benchmarks.backtest.rules import AHEAD, BEST, COUNTS, NOW, ONCE, SETTINGS, days_ahead, run
from benchmarks.backtest.sources import load
from model.decision import CallCosts
from model.replay.rows import Rows

LEADS = tuple(np.linspace(2.5, 60.5, 30)) + (np.inf,) * 10


def test_every_rule_is_counted_on_the_same_leads_and_none_beats_hindsight() -> None:
    found = run(seen(LEADS), CallCosts())
    assert {NOW, AHEAD, ONCE, BEST, days_ahead(21)} <= set(found.rules)
    assert found.cost.shape == found.pressed.shape == (len(LEADS), len(found.rules))
    best = found.cost[:, found.rules.index(BEST)]
    assert (found.cost >= best[:, None] - 1e-9).all()
    calls = dict(zip(found.rules, found.counts[:, COUNTS.index("called")], strict=True))
    assert calls[ONCE] == len(LEADS)
    waiting = found.counts[:, COUNTS.index("waiting")]
    assert np.allclose(found.pressed.sum(axis=0)[waiting == 0], found.cost.sum(axis=0)[waiting == 0])


def test_what_was_seen_comes_back_from_its_file(tmp_path: Path) -> None:
    made = seen(LEADS)
    looked._write(tmp_path / "x.npz", made)
    back = looked._read(tmp_path / "x.npz", made.name, made.seed)
    for field in fields(Rows):
        assert np.array_equal(getattr(back.looks.rows, field.name), getattr(made.looks.rows, field.name)), field.name
    assert back.looks.curves.purchased == pytest.approx(made.looks.curves.purchased, abs=1e-6)
    assert (back.origin, back.longest) == (made.origin, made.longest)


def test_the_section_shows_every_setting_and_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "seen", lambda *_: seen(LEADS))
    seeds = [outcomes("made up", seed, tmp_path) for seed in (1, 2)]
    again = outcomes("made up", 1, tmp_path)
    assert seeds[0] is not None
    assert seeds[1] is not None
    assert again is not None
    assert np.array_equal(seeds[0][0].cost, again[0].cost)
    pooled = [Pooled.of(list(each)) for each in zip(seeds[0], seeds[1], strict=True)]
    assert pooled[0].leads == 2 * len(LEADS)
    text = section({"made up": pooled})
    assert all(f"### {setting.title}" in text for setting in SETTINGS)
    assert "nan" not in text


def test_absent_data_give_no_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEADTIME_DATA", str(tmp_path))
    assert load("bpic2012", 1) is None
    assert load("online_retail", 1) is None
