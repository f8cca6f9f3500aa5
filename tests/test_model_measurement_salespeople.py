"""Salespeople on leads of equal quality: skill is found, luck and easy leads are not taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measurement_log import EVER, HOUR, NOW, Log
from scipy.special import expit, logit

from features.events import DAY
from model.measurement.period import Period
from model.measurement.predicted import followed
from model.measurement.salespeople import Salesperson, Team, funnel, outside, salespeople
from model.measurement.shrinkage import GRID, group_effects, team_chances


def team_of(rng: np.random.Generator, skills: dict[str, float], chances: dict[str, np.ndarray]) -> Team:
    """Each salesperson wins with odds exp(skill) times those that the model expects within 90 days."""
    log = Log()
    for owner, skill in skills.items():
        for n, p in enumerate(chances[owner].tolist()):
            lead, at = f"{owner}{n}", NOW - 200 * DAY + n * HOUR
            log.add(lead, "page_view", at - DAY, "web")
            log.handoff(lead, at, chance=p, owner=owner)
            if rng.random() < expit(logit(p) + skill):
                log.add(lead, "purchased", at + int(rng.uniform(1, 89) * DAY))
            elif rng.random() < 0.5:
                log.add(lead, "lost", at + int(rng.uniform(1, 150) * DAY))
    return salespeople(log.journeys(), EVER)


def by_owner(team: Team) -> dict[str | None, Salesperson]:
    return {one.owner: one for one in team.people}


def test_a_salesperson_of_known_skill_is_recovered_within_the_interval() -> None:
    rng = np.random.default_rng(11)
    held, shrunk, raw = [], [], []
    for _ in range(8):
        skills = {f"s{i}": float(rng.normal(0, 0.4)) for i in range(6)}
        chances = {owner: rng.beta(2, 4, 80) for owner in skills}
        for owner, one in by_owner(team_of(rng, skills, chances)).items():
            truth = expit(logit(chances[owner]) + skills[owner]).sum() / chances[owner].sum()
            held.append(one.shrunk.low <= truth <= one.shrunk.high)
            shrunk.append((one.shrunk.value - truth) ** 2)
            raw.append((one.ratio - truth) ** 2)
    assert np.mean(held) >= 0.87, "of 48 intervals of 95 %"
    assert np.mean(shrunk) < np.mean(raw)


def test_easier_leads_are_no_skill() -> None:
    rng = np.random.default_rng(5)
    chances = {"easy": rng.uniform(0.5, 0.9, 300), "hard": rng.uniform(0.05, 0.25, 300), "usual": rng.beta(2, 3, 300)}
    team = by_owner(team_of(rng, dict.fromkeys(chances, 0.0), chances))
    assert team["easy"].wins > 3 * team["hard"].wins
    for one in team.values():
        assert one.shrunk.low <= 1 <= one.shrunk.high
        assert outside(one) is None
    assert abs(team["easy"].shrunk.value - team["hard"].shrunk.value) < 0.15


def test_skill_shows_on_hard_leads() -> None:
    rng = np.random.default_rng(6)
    skills = {"good": 1.2, "a": 0.0, "b": 0.0, "c": 0.0}
    chances = {
        owner: rng.uniform(0.05, 0.3, 250) if owner == "good" else rng.uniform(0.4, 0.8, 250) for owner in skills
    }
    team = by_owner(team_of(rng, skills, chances))
    assert team["good"].wins < min(team[owner].wins for owner in "abc"), "fewer wins in all"
    assert team["good"].shrunk.low > max(team[owner].shrunk.high for owner in "abc")
    assert outside(team["good"]) == "above"


def test_one_lucky_win_is_not_believed() -> None:
    rng = np.random.default_rng(7)
    chances = {"new": np.array([0.2]), **{f"s{i}": rng.beta(2, 5, 100) for i in range(5)}}
    skills = dict.fromkeys(chances, 0.0) | {"new": 20.0}
    new = by_owner(team_of(rng, skills, chances))["new"]
    assert (new.wins, new.ratio) == (1, pytest.approx(5.0))
    assert new.shrunk.value < 2
    assert new.shrunk.low < 1 < new.shrunk.high
    assert outside(new) is None


@settings(max_examples=15)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_the_interval_of_an_effect_holds_its_middle_and_few_leads_make_it_wide(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    chance, won = rng.beta(1, 3, len(group)), rng.random(len(group)) < 0.3
    effects = group_effects(chance, won, group, len(sizes))
    assert effects.posterior.sum(axis=1) == pytest.approx(1.0)
    grid = np.broadcast_to(GRID, effects.posterior.shape)
    low, middle, high = (effects.quantile(level, grid) for level in (0.025, 0.5, 0.975))
    assert (low < middle).all()
    assert (middle < high).all()
    if 0 in sizes and max(sizes) > 40:
        assert (high - low)[sizes.index(0)] > (high - low)[sizes.index(max(sizes))]


def test_the_chances_of_the_team_sum_to_its_wins_and_never_become_certain() -> None:
    chance = np.array([0.1, 0.5, 0.9, 0.3])
    assert 1 < team_chances(np.tile(chance, 50), np.tile([0, 1, 0, 0], 50)).sum() / 50 < 1.01
    assert team_chances(chance, np.ones(4)).max() < 0.999
    assert len(team_chances(np.empty(0), np.empty(0))) == 0


def test_funnel_limits_hold_most_of_a_team_without_differences() -> None:
    rng = np.random.default_rng(9)
    owners = [f"s{i}" for i in range(40)]
    team = team_of(rng, dict.fromkeys(owners, 0.0), {owner: rng.beta(2, 4, 60) for owner in owners})
    inner = [one.limits[1] <= one.ratio <= one.limits[2] for one in team.people]
    assert 0.85 <= np.mean(inner) <= 1.0
    assert sum(outside(one) is not None for one in team.people) <= 1
    wide, narrow = funnel(team, 5.0), funnel(team, 500.0)
    assert wide[0] <= narrow[0] < narrow[1] < team.ratio < narrow[2] < narrow[3] < wide[3]


def test_a_lead_is_expected_to_be_won_only_as_far_as_it_was_followed() -> None:
    log = Log()
    for lead, days in (("new", 0), ("week", 7), ("mid", 60), ("old", 150)):
        log.handoff(lead, NOW - days * DAY, chance=0.8)  # 0.2 within 7 days, 0.4 within 30
    log.handoff("won late", NOW - 150 * DAY, chance=0.8)
    log.add("won late", "purchased", NOW - 20 * DAY)  # after the longest horizon
    found = followed(log.journeys(), EVER)
    chance = dict(zip([log.journeys().lead_ids[i] for i in found.lead], found.chance.round(9), strict=True))
    assert chance == {"new": 0.0, "week": 0.2, "mid": 0.6, "old": 0.8, "won late": 0.8}
    assert found.won.sum() == 0


def test_a_lead_counts_once_for_its_owner_at_the_first_handoff_with_a_score() -> None:
    log = Log()
    log.add("a", "handoff", NOW - 130 * DAY, owner="early")  # from a CRM: without a score
    log.handoff("a", NOW - 120 * DAY, owner="kim")
    log.handoff("a", NOW - 60 * DAY, owner="lee")
    log.add("b", "handoff", NOW - 100 * DAY)
    log.add("b", "sales_call", NOW - 99 * DAY, owner="pat")
    team = salespeople(log.journeys(), EVER)
    people = by_owner(team)
    assert {owner: one.leads for owner, one in people.items()} == {"early": 0, "kim": 1, "pat": 0}
    assert (team.leads, team.without_score) == (1, 1)
    assert people["pat"].reaction == (24.0, None, None), "who called it owned it"
    assert salespeople(log.journeys(), Period(0, NOW - 125 * DAY)).leads == 0


def test_minutes_are_compared_on_leads_of_the_same_quality() -> None:
    """Both take 10 minutes for an unlikely lead and 40 for a likely one; one of them has mostly likely ones."""
    log = Log()
    for owner, likely in (("many", 45), ("few", 5)):
        for n in range(50):
            lead, at = f"{owner}{n}", NOW - 100 * DAY + n * HOUR
            log.handoff(lead, at, chance=0.8 if n < likely else 0.1, owner=owner)
            log.add(lead, "sales_call", at + DAY, minutes=40 if n < likely else 10, owner=owner)
            log.add(lead, "sales_call", at + 60 * DAY, minutes=500, owner=owner)  # long after
    log.handoff("silent", NOW - 100 * DAY, owner="many")
    log.add("silent", "sales_call", NOW - 99 * DAY, owner="many")  # nobody told how long
    log.handoff("recent", NOW - 2 * DAY, owner="many")
    people = by_owner(salespeople(log.journeys(), EVER))
    assert people["many"].minutes_leads == 50
    for one in people.values():
        assert one.minutes.value == pytest.approx(25.0)
        assert one.minutes.low <= 25.0 <= one.minutes.high


def test_leads_that_were_not_called_yet_are_waiting_and_not_forgotten() -> None:
    log = Log()
    for n in range(40):
        log.handoff(f"a{n}", NOW - 40 * DAY + n * DAY, owner="kim")
        if n % 2 == 0:
            log.add(f"a{n}", "sales_call", NOW - 40 * DAY + n * DAY + 6 * HOUR, owner="kim")
    for n in range(10):
        log.handoff(f"b{n}", NOW - HOUR, owner="new")  # an hour ago: nothing is known
    people = by_owner(salespeople(log.journeys(), EVER))
    kim = people["kim"]
    assert kim.within_day.value == pytest.approx(0.5, abs=0.02)
    assert kim.within_day.low < 0.5 < kim.within_day.high
    assert people["new"].within_day is None
    assert people["new"].reaction is None


def test_a_call_before_the_handoff_is_no_reaction_and_one_after_the_end_neither() -> None:
    log = Log()
    log.add("a", "sales_call", NOW - 50 * DAY)
    log.handoff("a", NOW - 40 * DAY)
    log.add("a", "lost", NOW - 30 * DAY)
    log.add("a", "sales_call", NOW - 20 * DAY)
    (one,) = salespeople(log.journeys(), EVER).people
    assert one.reaction is None
    assert one.within_day.value == 0.0


def test_nobody_was_handed_over() -> None:
    log = Log()
    log.add("a", "page_view", NOW - DAY)
    team = salespeople(log.journeys(), EVER)
    assert (team.people, team.ratio, team.expected) == ([], None, 0.0)
