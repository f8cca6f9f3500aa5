"""The report on real input tells the figures that it is there for, and where the product is behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.bpic2012.__main__ import CUT, HORIZONS
from benchmarks.bpic2012.log import Adapted
from benchmarks.bpic2012.measure import compare
from benchmarks.bpic2012.product import Step, check_same
from benchmarks.bpic2012.report import Report
from benchmarks.document import put_section
from model.curves import Curves
from training.evaluation import Block

N = 300
DAYS = np.arange(31.0)


def curves(chance: np.ndarray) -> Curves:
    """Those who buy by day 30 with this chance, evenly."""
    purchased = chance[:, None] * DAYS / 30
    return Curves(DAYS, purchased, np.zeros_like(purchased))


@pytest.fixture(scope="module")
def made() -> tuple[Block, dict[str, Curves]]:
    rng = np.random.default_rng(1)
    chance = rng.choice([0.1, 0.7], N)
    bought = rng.random(N) < chance
    block = Block(
        duration=np.where(bought, rng.uniform(0.1, 30, N), 31.0),
        outcome=bought.astype(np.int8),
        groups=np.arange(N).astype(str),
        horizons=HORIZONS,
    )
    flat = curves(np.full(N, 0.4))
    return block, {"leadtime": flat, "Aalen-Johansen": flat, "clairvoyant": curves(chance)}


def test_it_tells_scores_and_calibration_at_every_horizon_for_every_method(
    made: tuple[Block, dict[str, Curves]],
) -> None:
    block, methods = made
    assert HORIZONS == (3, 7, 14, 30)
    rows = compare(block, methods, reference="Aalen-Johansen", product="leadtime")
    empty = pd.DataFrame({"lead_id": []})
    asked = pd.DataFrame({"lead_id": block.groups, "day": 1})
    adapted = Adapted(empty, empty, empty, pd.Timestamp("2012-03-14", tz="UTC"), {})
    steps = [Step("python -m training.train", 1.0, 100.0)]
    text = Report(adapted, pd.Timestamp(CUT, tz="UTC"), asked, block, rows, steps, 10).text()
    sections = dict(part.split("\n", 1) for part in text.split("### ")[1:])
    for title in ("AUC", "Expected over observed", "Calibration index"):
        table = next(body for name, body in sections.items() if name.startswith(title))
        assert "| 3 days | 7 days | 14 days | 30 days |" in table
        assert all(f"| {name} |" in table for name in methods)
    lost = sections["What was lost"]
    assert "* clairvoyant: integrated Brier score" in lost
    assert "* clairvoyant: AUC, 3, 7, 14, 30 days" in lost
    assert "Aalen-Johansen" not in lost


def test_scores_that_are_not_those_of_the_curves_are_noticed(made: tuple[Block, dict[str, Curves]]) -> None:
    found = made[1]["clairvoyant"]
    scores = pd.DataFrame({f"p_{h}": found.at([h])[0][:, 0] for h in HORIZONS})
    check_same(scores, found, HORIZONS)
    with pytest.raises(AssertionError):
        check_same(scores.assign(p_7=0.5), found, HORIZONS)


def test_a_section_takes_the_place_of_its_earlier_self(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    for title, body in (("One", "old"), ("Two", "second"), ("One", "new")):
        put_section(title, body, document=document)
    text = document.read_text()
    assert "old" not in text
    assert text.index("## One\n\nnew") < text.index("## Two\n\nsecond")
    assert text.startswith("# Benchmarks")
