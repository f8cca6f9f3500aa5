"""Salespeople on leads of equal quality, through the whole path: log, training, handoffs, outcomes, report.

Leads that look at prices often buy three times as often. One salesperson wins 1.6 times as often as the others on the
same leads; another one gets the good leads. The model that expects the wins is trained on a log made the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from background_world import Models, Process
from serving_world import NOW, Clock, NoModel, run

from features.business_settings import Costs
from features.events import DAY, Event, events_table
from features.history import History
from features.settings import Settings
from features.store import Store
from model import cross_fit, fit_scorer
from model.examples import calendar_split
from model.hazard import PurchaseHazard
from training.fitting import fit, serving_split

SKILL = {"able": 1.6, "lucky": 1.0, "third": 1.0, "fourth": 1.0}
GOOD_LEADS = {"able": 0.3, "lucky": 0.85, "third": 0.3, "fourth": 0.3}  # the share of them that each gets
CHANCE = {True: 0.45, False: 0.15}  # to buy within 40 days, by whether the lead is a good one
TRAINED, HANDED = 1_200, 1_000
SETTINGS = Settings(
    horizons=(7, 30), costs=Costs(wasted_call=0.0, late=50.0), handoff_days_ahead=400, handoff_close_days=400
)
Made = dict[str, dict[str, Any]]


def leads(prefix: str, n: int, begins: np.ndarray, rng: np.random.Generator) -> tuple[list[Event], list[Event]]:
    """What happens to each lead on its first day, and how it ends, 40 to 60 days later where it does not buy."""
    first: list[Event] = []
    endings: list[Event] = []
    for i, begin in enumerate(begins.tolist()):
        lead, owner = f"{prefix}{i}", sorted(SKILL)[i % len(SKILL)]
        good = bool(rng.random() < GOOD_LEADS[owner])
        looks = rng.poisson(6 if good else 1)
        seen = [(begin, "identify", {"owner": owner}), (begin + 1, "page_view", {"path": "/"})]
        seen += [(begin + 2 + k, "price_view", {"path": "/pricing"}) for k in range(looks)]
        if rng.random() < CHANCE[good] * SKILL[owner]:
            end = (begin + int(rng.uniform(1, 40) * DAY), "purchased", {"value": 100})
        else:
            end = (begin + int(rng.uniform(40, 60) * DAY), "lost", {})
        events = [
            Event(
                event_id=f"{lead} {k}", lead_id=lead, type=kind, occurred_at=at, recorded_at=at, properties=properties
            )
            for k, (at, kind, properties) in enumerate([*seen, end])
        ]
        first += events[:-1]
        endings += events[-1:]
    return first, endings


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The rows of the report by salesperson, a month after the handoffs."""
    rng = np.random.default_rng(4)
    url = f"sqlite:///{tmp_path_factory.mktemp('path')}/log.db"
    with pytest.MonkeyPatch.context() as patch, Store.open(url, migrate=True) as store:
        patch.setattr(fit_scorer, "PurchaseHazard", partial(PurchaseHazard, max_trees=40, max_rows=20_000, n_jobs=1))
        patch.setattr(cross_fit, "_REPEATS", 1)
        patch.setattr(cross_fit, "_RIDGES", (30.0,))
        past = np.sort(rng.integers(NOW - 300 * DAY, NOW - 70 * DAY, TRAINED))
        for part in leads("past", TRAINED, past, rng):
            store.append(events_table(part))
        history = History.from_table(store.events())
        split = serving_split(calendar_split(history, known_by=NOW - DAY, longest=30))
        scorer = fit(history, split, SETTINGS, seed=1, version="1").scorer
        assert "trait_owner" not in scorer.catalogue.names

        now, ends = leads("new", HANDED, np.full(HANDED, NOW - DAY // 2), rng)
        store.append(events_table(now))
        models = Models(scorer)  # type: ignore[arg-type]
        Process(store, Clock(NOW), models, SETTINGS).refresh()
        later = NOW + 31 * DAY
        store.append(events_table([event for event in ends if event.occurred_at <= later]))
        running = run(url, NoModel(), clock=Clock(later))
        answer = running.client.get("/v1/reports/salespeople", headers=running.key).get_json()
        running.store.close()
        assert answer["computed_afterwards"] == answer["without_score"] == 0
        yield {row["owner"]: row for row in answer["rows"]}


def truth(owner: str) -> float:
    """Wins on the owner's own leads over those of a salesperson who is all of them at once, as the model is."""
    share = {name: {True: good, False: 1 - good} for name, good in GOOD_LEADS.items()}
    usual = {
        good: sum(share[name][good] * SKILL[name] for name in SKILL) / sum(share[name][good] for name in SKILL)
        for good in (True, False)
    }
    own = sum(share[owner][good] * CHANCE[good] * SKILL[owner] for good in (True, False))
    return own / sum(share[owner][good] * CHANCE[good] * usual[good] for good in (True, False))


@pytest.mark.parametrize("owner", sorted(SKILL))
def test_a_known_skill_lies_within_the_interval(report: Made, owner: str) -> None:
    row = report[owner]
    assert row["leads"] > 200
    assert row["shrunk_ratio_low"] <= truth(owner) <= row["shrunk_ratio_high"]


def test_the_able_one_stands_out_and_the_one_with_good_leads_does_not(report: Made) -> None:
    able, lucky, third = (report[name] for name in ("able", "lucky", "third"))
    assert lucky["wins"] > 1.3 * third["wins"], "counted by wins the good leads would be taken for skill"
    assert able["shrunk_ratio_low"] > 1.1
    assert lucky["shrunk_ratio_high"] < able["shrunk_ratio_low"]
    assert lucky["shrunk_ratio_low"] < third["shrunk_ratio_high"]
    assert lucky["outside"] is None
