"""Reasons that a salesperson reads in ten seconds."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalogue import Catalogue, FeatureSpec
from model.sentences import Facts, rate
from model.usual import Usual

NAMES = ("n_7d", "n_30d", "fading", "since", "again", "rate", "age", "deadline", "source")
CATALOGUE = Catalogue(
    (
        FeatureSpec(name="n_7d", aggregation="count", topic="pricing", window=7.0,
                    fact="looked at pricing {times} in the last 7 days", absent="nothing of pricing"),
        FeatureSpec(name="n_30d", aggregation="count", topic="pricing", window=30.0,
                    fact="looked at pricing {times} in the last 30 days", absent="nothing of pricing"),
        FeatureSpec(name="fading", aggregation="decayed", topic="pricing", half_life=5.0),
        FeatureSpec(name="since", aggregation="recency", topic="mail", fact="last mail {ago}", absent="no mail yet"),
        FeatureSpec(name="again", aggregation="recency", topic="click", fact="last click {ago}", absent="no click yet"),
        FeatureSpec(name="rate", aggregation="ratio", topic="rate", fact="{percent} of the mails opened",
                    numerator="n_7d", denominator="n_30d"),
        FeatureSpec(name="age", aggregation="age", topic="age", fact="first seen {ago}"),
        FeatureSpec(name="deadline", aggregation="date_ahead", topic="deadline", properties=("need_by",),
                    fact="declared deadline {ahead}", absent="no deadline declared"),
        FeatureSpec(name="source", aggregation="last", topic="source", properties=("source",), fact="source: {level}",
                    levels=("partner", "paid_search")),
    )
)  # fmt: skip
NAN = float("nan")


def row(**values: float) -> np.ndarray:
    usual = dict(zip(NAMES, (0, 1, 0.5, 4, 9, 0.25, 40, NAN, 0), strict=True))
    return np.array([list((usual | values).values())], dtype=np.float64)


def said(values: np.ndarray, usual: Usual | None = None, **weights: float) -> list[str]:
    contribution = np.array([[weights.get(name, 0.0) for name in NAMES]])
    return [fact.sentence for fact in Facts(CATALOGUE, usual).of(values, contribution)[0]]


@pytest.fixture(scope="module")
def usual() -> Usual:
    """A hundred young leads that look once a month, and a hundred old ones that look ten times as often."""
    young = np.repeat(row(n_7d=7 / 30, age=5, rate=0.2), 100, axis=0)
    old = np.repeat(row(n_7d=70 / 30, age=200, source=1), 100, axis=0)
    return Usual.of(CATALOGUE, np.concatenate([young, old]))


def test_a_fact_is_held_against_what_is_usual_at_the_same_age(usual: Usual) -> None:
    assert said(row(n_7d=3, age=6), usual, n_7d=0.5) == [
        "Looked at pricing 3 times in the last 7 days, usually one a month: raises the chance to buy"
    ]
    assert "usually 2 a week" in said(row(n_7d=3, age=210), usual, n_7d=0.5)[0]


def test_features_of_one_topic_are_told_once_with_all_of_their_weight() -> None:
    found = Facts(CATALOGUE, None).of(row(n_7d=1), np.array([[0.1, 0.3, 0.4, 0, 0, 0, 0, 0, 0]]))[0]
    assert [(fact.topic, fact.text) for fact in found] == [("pricing", "looked at pricing once in the last 30 days")]
    assert found[0].weight == pytest.approx(0.8)


def test_the_same_event_is_told_once() -> None:
    found = said(row(since=3.25, again=3.25), since=-0.4, again=-0.2)
    assert found == ["Last mail 3 days ago: lowers the chance to buy"]
    assert len(said(row(since=3.25, again=3.5), since=-0.4, again=-0.2)) == 2


def test_nothing_is_told_as_such() -> None:
    assert said(row(n_7d=0, since=NAN), n_7d=-0.5, since=-0.3) == [
        "Nothing of pricing: lowers the chance to buy",
        "No mail yet: lowers the chance to buy",
    ]
    assert said(row(), deadline=-0.5) == ["No deadline declared: lowers the chance to buy"]


def test_dates_shares_and_categories_are_words(usual: Usual) -> None:
    assert said(row(deadline=12.3), usual, deadline=1)[0].startswith("Declared deadline in 12 days:")
    assert said(row(deadline=-1.2), usual, deadline=1)[0].startswith("Declared deadline 1 day ago:")
    assert said(row(rate=0.5), usual, rate=1)[0].startswith("50 % of the mails opened, usually 20 %:")
    assert said(row(source=1), usual, source=1)[0].startswith("Source: paid search, as 50 % of leads:")


def test_three_to_five_facts_and_none_that_hardly_counts() -> None:
    strong = {"n_7d": 1.0, "since": 0.9, "again": 0.8, "rate": 0.7, "age": 0.6, "source": 0.5}
    assert len(said(row(), **strong)) == 5
    weak = {"n_7d": 1.0, "since": 0.05, "again": 0.04, "rate": 0.03}
    assert len(said(row(), **weak)) == 3
    assert said(row(), n_7d=0.001) == []


def test_a_catalogue_without_facts_speaks_by_its_labels() -> None:
    plain = Catalogue((FeatureSpec(name="n", aggregation="count", label="visits so far"),))
    assert Facts(plain, None).of(np.array([[3.0]]), np.array([[0.4]]))[0][0].text == "visits so far: 3"


def test_what_is_usual_survives_its_file(usual: Usual) -> None:
    again = Usual.from_json(usual.to_json())
    values = row(n_7d=3, deadline=5, source=1)
    weights = dict.fromkeys(NAMES, 0.5)
    assert said(values, again, **weights) == said(values, usual, **weights)


@pytest.mark.parametrize(
    ("per_day", "words"),
    [
        (3.0, "3 a day"),
        (0.3, "2 a week"),
        (1 / 7, "one a week"),
        (1 / 30, "one a month"),
        (0.004, "one a year"),
        (0, "none"),
    ],
)
def test_how_often(per_day: float, words: str) -> None:
    assert rate(per_day) == words
