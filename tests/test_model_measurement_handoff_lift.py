"""What handing over brings, by the random holdout: known lifts are recovered, no lift is found where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measurement_log import EVER, NOW, Log

from features.events import DAY
from features.lives import BOUGHT, GONE, OPEN
from model.measurement.handoff_lift import Arms, arms, compare, difference, plan, ratio
from model.metrics.bootstrap import Estimate


def drawn(seed: int, n: int = 600, share: float = 0.3, lift: float = 1.0, *, per_account: int = 1) -> Arms:
    """Openings over 180 days, most of them followed for the whole of 60 days; a third of the leads is lost.

    Without being handed over a lead buys within 60 days with the chance 0.2; leads of an account are alike.
    """
    rng = np.random.default_rng(seed)
    held_out = rng.random(n) < share
    account = np.arange(n) // per_account
    alike = np.where(np.arange(n // per_account + 1) % 2 == 0, 0.5, 1.5)[account] if per_account > 1 else np.ones(n)
    chance = np.where(held_out, 0.2, 0.2 * lift) * alike
    followed = rng.uniform(20, 180, n)
    kind = np.where(rng.random(n) < chance, BOUGHT, np.where(rng.random(n) < 0.3, GONE, OPEN))
    ends = np.where(kind == OPEN, np.inf, rng.uniform(0, 60, n))
    outcome = np.where(ends <= followed, kind, OPEN).astype(np.int8)
    return Arms(
        lead=np.arange(n), at=NOW - (followed * DAY).astype(np.int64), held_out=held_out, share=np.full(n, share),
        days=np.minimum(ends, followed), outcome=outcome, value=np.where(outcome == BOUGHT, 100.0, 0.0),
        followed=followed, account=account, called=~held_out,
    )  # fmt: skip


@pytest.mark.parametrize(("lift", "per_account"), [(1.0, 1), (1.5, 1), (1.5, 4)])
def test_a_known_lift_lies_within_the_intervals(lift: float, per_account: int) -> None:
    """95 of 100 intervals are to hold it; fewer than 69 of 80 would with a chance of less than 1 in 1,000."""
    repeats, held, below = 80, np.zeros(4), 0
    for seed in range(repeats):
        rows = compare(drawn(seed, 300, lift=lift, per_account=per_account), (60,), draws=60, permutations=59)
        found = {row.measure: row for row in rows}
        bought, value = found["purchases"], found["value"]
        truths = ((bought.difference, 0.2 * (lift - 1)), (bought.ratio, lift), (value.difference, 20 * (lift - 1)),
                  (bought.held_out, 0.2))  # fmt: skip
        held += [one.low <= truth <= one.high for one, truth in truths]
        below += bought.p <= 0.05
    assert held.min() >= 69, held
    assert below <= 11 if lift == 1 else below >= repeats / 4, below


def test_a_share_that_changed_does_not_make_the_arms_differ() -> None:
    """Early leads buy often and were rarely held out, late ones seldom and often: weighting takes that off."""
    early, late = drawn(1, 2000, 0.1), drawn(2, 2000, 0.5)
    rare = np.flatnonzero((late.outcome == BOUGHT) & (np.arange(2000) % 4 > 0))
    outcome = late.outcome.copy()
    outcome[rare] = GONE
    parts = {name: np.concatenate([getattr(early, name), getattr(late, name)]) for name in Arms.__dataclass_fields__}
    parts |= {"outcome": np.concatenate([early.outcome, outcome]), "account": np.arange(4000), "lead": np.arange(4000)}
    both = Arms(**parts)
    (bought,) = [row for row in compare(both, (60,), permutations=9) if row.measure == "purchases"]
    assert bought.difference.low < 0 < bought.difference.high
    plain = [np.mean(both.outcome[both.held_out == arm] == BOUGHT) for arm in (False, True)]
    assert plain[0] - plain[1] > bought.difference.high, "without weights it would look like lift"


@given(
    counts=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    ends=st.tuples(*[st.floats(0, 0.3) for _ in range(4)]),
)
@settings(max_examples=60)
def test_intervals_hold_their_figures(counts: tuple[int, int], ends: tuple[float, ...]) -> None:
    one, other = (
        Estimate(x / 50, max(x / 50 - a, 0.0), min(x / 50 + b, 1.0))
        for x, a, b in ((counts[0], *ends[:2]), (counts[1], *ends[2:]))
    )
    apart, times = difference(one, other), ratio(one, other)
    assert apart.low <= apart.value <= apart.high
    if times is None:
        assert other.value == 0
    else:
        assert 0 <= times.low <= times.value * (1 + 1e-9)
        assert times.high >= times.value * (1 - 1e-9)


def test_the_ratio_of_two_shares_as_published() -> None:
    """Donner and Zou's formula at 0.25 (0.16 to 0.37) over 0.1 (0.05 to 0.19), worked by hand."""
    found = ratio(Estimate(0.25, 0.16, 0.37), Estimate(0.1, 0.05, 0.19))
    low = (0.025 - np.sqrt(0.025**2 - 0.16 * 0.19 * (0.5 - 0.16) * (0.2 - 0.19))) / (0.19 * (0.2 - 0.19))
    high = (0.025 + np.sqrt(0.025**2 - 0.37 * 0.05 * (0.5 - 0.37) * (0.2 - 0.05))) / (0.05 * (0.2 - 0.05))
    assert (found.value, found.low, found.high) == pytest.approx((2.5, low, high))


def test_the_plan_says_how_many_openings_it_takes() -> None:
    both = drawn(3, 5000)
    needed = plan(both, 60, 0.5, 0.5)
    # 0.2 against 0.3, two equal arms, power 0.8: 293 in each (Fleiss, Levin and Paik, table of sample sizes)
    assert needed.base_rate == pytest.approx(0.2, abs=0.02)
    exact = plan(drawn(3, 200_000), 60, 0.5, 0.5)
    assert exact.needed == pytest.approx(2 * 293, rel=0.02)
    assert needed.followed == (both.followed >= 60).sum()
    assert plan(both, 60, 0.2, 0.1).needed > plan(both, 60, 0.2, 0.5).needed > needed.needed
    assert plan(both, 365, 0.2, 0.1) is None


def test_arms_are_as_the_draw_intended_at_the_first_opening() -> None:
    log, start = Log(), NOW - 100 * DAY
    for lead in ("told", "kept", "before", "imported", "both"):
        log.add(lead, "page_view", start - DAY, "ads")
    log.handoff("told", start, held_out=False, holdout_share=0.2)
    log.add("told", "sales_call", start + DAY, "phone")
    log.add("told", "purchased", start + 10 * DAY, value=70)
    log.handoff("kept", start, held_out=True, holdout_share=0.2)
    log.handoff("before", start, held_out=False, holdout_share=0.0)
    log.add("imported", "handoff", start)
    log.handoff("both", start, held_out=False, holdout_share=0.1)
    log.handoff("both", start + 5 * DAY, held_out=True, holdout_share=0.5)
    data = log.journeys()
    both = arms(data, EVER)
    names = [data.lead_ids[lead] for lead in both.lead]
    assert dict(zip(names, both.held_out.tolist(), strict=True)) == {"told": False, "kept": True, "both": False}
    assert dict(zip(names, both.share.tolist(), strict=True)) == {"told": 0.2, "kept": 0.2, "both": 0.1}
    told = names.index("told")
    assert (both.days[told], both.value[told], both.called[told]) == (10.0, 70.0, True)
    rows = compare(both, (7, 30, 90, 365))
    assert [(row.measure, row.horizon) for row in rows] == [
        ("purchases", 7), ("purchases", 30), ("purchases", 90), ("value", 90), ("days", 90),
    ]  # fmt: skip
    assert rows[1].handed_over.value == pytest.approx(1 / (1 + 0.8 / 0.9)), "weighted by 1 / 0.8 and 1 / 0.9"
    assert compare(arms(data, EVER), (365,)) == []


def test_nothing_held_out_is_nothing_to_compare() -> None:
    assert compare(arms(Log().journeys(), EVER), (30,)) == []
    assert plan(arms(Log().journeys(), EVER), 30, 0.2, 0.1) is None
