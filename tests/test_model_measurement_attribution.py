"""Attribution: every model credits exactly what there is, and each as its definition says."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurement_log import EVER, HOUR, NOW, Log

from features.events import DAY
from model.measurement.attribution import MODELS, Credit, Options, attribute, cohort
from model.measurement.exact import MONEY_UNITS, WIN_UNITS, share_out
from model.measurement.journeys import Journeys
from model.measurement.markov import removal_effects
from model.measurement.period import month_of
from model.measurement.returns import Spend, returns

FEW = Options(draws=20)
START = NOW - 200 * DAY
CHANNELS = ["ads", "mail", "web", "fair", "direct", None]


def credited(data: Journeys, model: str, by: str = "channel", options: Options = FEW) -> Credit:
    return attribute(cohort(data, EVER, by, options), model, options)


def wins_of(found: Credit) -> dict[str | None, float]:
    return {key[0]: n / WIN_UNITS for key, n in zip(found.keys, found.wins.sum(axis=0).tolist(), strict=True) if n}


def journey(channels: list[str | None], ending: str = "purchased", n: int = 0, **properties: object) -> Log:
    log = Log()
    walk(log, f"L{n}", channels, ending, **properties)
    return log


def walk(log: Log, lead_id: str, channels: list[str | None], ending: str | None, **properties: object) -> None:
    for day, channel in enumerate(channels):
        log.add(lead_id, "page_view", START + day * DAY, channel, channel and f"{channel}-{day % 2}")
    if ending:
        log.add(lead_id, ending, START + len(channels) * DAY, **properties)


steps = st.lists(st.sampled_from(CHANNELS), max_size=6)
endings = st.sampled_from(["purchased", "purchased", "lost", None])
values = st.one_of(st.none(), st.floats(0, 1e7, allow_nan=False), st.sampled_from([-1.0, 1e12, 1e300]))
leads = st.lists(st.tuples(steps, endings, values, st.integers(0, 120), st.booleans()), max_size=12)


@given(leads, st.sampled_from(MODELS), st.sampled_from(["channel", "campaign"]))
def test_credits_sum_to_the_totals_exactly(found: list, model: str, by: str) -> None:
    log = Log()
    for n, (channels, ending, value, shift, handed) in enumerate(found):
        for k, channel in enumerate(channels):
            log.add(f"L{n}", "page_view", START + k * DAY + shift * DAY, channel, channel and f"{channel}-{k % 2}")
        if handed:
            log.handoff(f"L{n}", START + (shift + 3) * DAY)
        if ending:
            log.add(f"L{n}", ending, START + (shift + 6) * DAY, value=value)
    data = log.journeys()
    credit = credited(data, model, by)
    won = data.won
    amounts = np.rint(np.nan_to_num(data.value[won]) * MONEY_UNITS).astype(int)
    ripe = data.ripe_at[data.ripe_at < NOW]
    assert credit.wins.sum() == won.sum() * WIN_UNITS
    assert credit.value.sum() == amounts.sum()
    assert credit.ripe.sum() == len(ripe) * WIN_UNITS
    assert min(credit.wins.min(initial=0), credit.value.min(initial=0), credit.ripe.min(initial=0)) >= 0
    month = month_of(data.ended_at[won])
    for i, name in enumerate(credit.months):
        mine = month == np.datetime64(name, "M").astype(int)
        assert credit.wins[i].sum() == mine.sum() * WIN_UNITS
        assert credit.value[i].sum() == amounts[mine].sum()
    spend = Spend(("ads", "radio"), (None, "spring"), month_of([START, START + 40 * DAY]), np.array([1001, 99]))
    rows = returns(credit, spend, by)
    whole, split = ([row for row in rows if (row.month is None) is of_all] for of_all in (True, False))
    for part in (whole, split):  # what is printed adds up, digit by digit
        assert sum(Decimal(str(row.wins)) for row in part) == int(won.sum())
        assert sum(Decimal(str(row.value)) for row in part) == Decimal(int(amounts.sum())) / MONEY_UNITS
        assert sum(Decimal(str(row.spend)) for row in part) == Decimal("11.00")


@given(st.integers(0, 10**13), st.lists(st.floats(0, 1e9), min_size=1, max_size=40).filter(lambda w: sum(w) > 1e-9))
def test_shares_are_whole_and_in_proportion(total: int, weights: list[float]) -> None:
    units = share_out(total, weights)
    assert units.sum() == total
    quota = np.array(weights) / max(weights)
    quota *= total / quota.sum()
    assert (np.abs(units - quota) <= 1 + 1e-9 * total).all()
    assert not units[np.array(weights) == 0].any()


def test_weights_that_are_all_zero_cannot_be_shared_out() -> None:
    assert share_out(0, [0.0, 0.0]).tolist() == [0, 0]
    with pytest.raises(ValueError, match="not all 0"):
        share_out(1, [0.0, 0.0])


PATH = ["ads", "mail", "web", "fair"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", {"ads": 1}),
        ("last", {"fair": 1}),
        ("linear", {"ads": 0.25, "mail": 0.25, "web": 0.25, "fair": 0.25}),
        ("time_decay", {"ads": 1 / 15, "mail": 2 / 15, "web": 4 / 15, "fair": 8 / 15}),
        ("u_shaped", {"ads": 0.4, "mail": 0.1, "web": 0.1, "fair": 0.4}),
        # the lead became known with the first touch and was never handed over: the last one counts for that
        ("w_shaped", {"ads": 0.6, "mail": 0.05, "web": 0.05, "fair": 0.3}),
        ("shapley", {"ads": 0.25, "mail": 0.25, "web": 0.25, "fair": 0.25}),
        ("markov", {"ads": 0.25, "mail": 0.25, "web": 0.25, "fair": 0.25}),
    ],
)
def test_what_each_model_credits(model: str, expected: dict[str, float]) -> None:
    data = journey(PATH).journeys()
    assert wins_of(credited(data, model, options=Options(draws=5, half_life_days=1))) == pytest.approx(
        expected, abs=1e-4
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("path", "expected"), [(["ads"], {"ads": 1}), ([], {None: 1}), (["direct"], {None: 1})])
def test_short_paths(model: str, path: list[str], expected: dict[str | None, float]) -> None:
    assert wins_of(credited(journey(path).journeys(), model)) == expected


def test_two_touches_share_a_u_evenly() -> None:
    assert wins_of(credited(journey(["ads", "web"]).journeys(), "u_shaped")) == {"ads": 0.5, "web": 0.5}


def test_w_credits_the_touches_by_which_the_lead_became_known_and_was_handed_over() -> None:
    log = journey(["ads", "mail", "web", "fair", "radio"])
    log.add("L0", "identify", START + DAY + HOUR, owner="kim")  # after the mail
    log.handoff("L0", START + 2 * DAY + HOUR)  # after the website, before the fair
    log.add("L0", "sales_call", START + 2 * DAY + 2 * HOUR)
    log.events = [event for event in log.events if event.type != "sales_call"]
    found = wins_of(credited(log.journeys(), "w_shaped"))
    # the log's first event is no identify, so the lead became known with the mail
    assert found == pytest.approx({"ads": 0.3, "mail": 0.3, "web": 0.3, "fair": 0.05, "radio": 0.05}, abs=1e-4)


def test_touches_that_follow_closely_are_one_and_mails_sent_and_bots_are_none() -> None:
    log = Log()
    for minute in (0, 10, 39, 70):  # the last one begins a second visit
        log.add("a", "page_view", START + minute * HOUR // 60, "web")
    log.add("a", "mail_sent", START + DAY, "mail")
    log.add("a", "page_view", START + 2 * DAY, "ads")
    log.add("a", "purchased", START + 3 * DAY)
    log.add("a", "page_view", START + 4 * DAY, "fair")  # a customer's visit
    found = wins_of(credited(log.journeys(), "linear"))
    assert found == pytest.approx({"web": 2 / 3, "ads": 1 / 3}, abs=1e-4)


@given(st.integers(1, 4), st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_removal_effects_are_those_of_taking_the_key_out(k: int, numbers: list[int]) -> None:
    counts = np.array(numbers[: (k + 1) * (k + 2)] + [1] * max(0, (k + 1) * (k + 2) - 40), dtype=float)
    counts = counts.reshape(k + 1, k + 2)
    counts[:, k] += 1  # from everywhere something is won

    def chance_to_win(removed: int | None) -> float:
        step = counts / counts.sum(axis=1, keepdims=True)
        at = step[k].copy()
        won = 0.0
        for _ in range(3_000):  # walk on until nobody is on the way
            if removed is not None:
                at[removed] = 0.0
            won += at[k]
            at = at[:k] @ step[:k]
        return won

    whole = chance_to_win(None)
    expected = [1 - chance_to_win(key) / whole for key in range(k)]
    assert removal_effects(counts[None])[0] == pytest.approx(expected, abs=1e-6)


def test_markov_takes_those_who_did_not_buy_into_account() -> None:
    log = Log()
    for n in range(20):
        walk(log, f"w{n}", ["ads", "web"], "purchased")
        walk(log, f"l{n}", ["ads"], "lost")
        walk(log, f"m{n}", ["web"], "purchased" if n < 10 else "lost")
    found = credited(log.journeys(), "markov", options=Options(draws=100))
    effect = {key[0]: one for key, one in zip(found.keys, found.removal, strict=False)}
    assert effect["web"].value == pytest.approx(1.0)  # nobody won without it
    assert effect["ads"].value == pytest.approx(0.5, abs=0.05)
    assert effect["ads"].low < effect["ads"].value < effect["ads"].high
    share = effect["web"].value / (effect["web"].value + effect["ads"].value)
    assert wins_of(found)["web"] == pytest.approx(30 * share, abs=1e-3)


@given(st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=1, max_size=12))
def test_shapley_is_shapley(sets: list[set[str]]) -> None:
    log = Log()
    for n, channels in enumerate(sets):
        walk(log, f"L{n}", sorted(channels), "purchased")
    found = wins_of(credited(log.journeys(), "shapley"))
    players = sorted(set().union(*sets))

    def worth(coalition: tuple[str, ...]) -> int:
        """Purchases that came about with these channels alone."""
        return sum(one <= set(coalition) for one in sets)

    for player in players:
        others = [one for one in players if one != player]
        value = 0.0
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(players))
            value += sum(weight * (worth((*c, player)) - worth(c)) for c in combinations(others, size))
        assert found[player] == pytest.approx(value, abs=1e-3)


def test_intervals_hold_the_value_and_narrow_with_more_leads() -> None:
    widths = []
    for n in (20, 320):
        log = Log()
        for i in range(n):
            walk(log, f"L{i}", ["ads", "web"] if i % 2 else ["web"], "purchased", value=100)
        found = credited(log.journeys(), "linear", options=Options(draws=200))
        ads = next(one for key, one in zip(found.keys, found.wins_within, strict=True) if key[0] == "ads")
        assert ads.low < ads.value < ads.high
        widths.append((ads.high - ads.low) / ads.value)
    assert widths[1] < 0.5 * widths[0]


def test_costs_and_returns() -> None:
    log = journey(["ads"], value=300.0)
    log.handoff("L0", START + HOUR)
    credit = credited(log.journeys(), "linear")
    spend = Spend(("ads", "radio"), (None, None), month_of([START, START]), np.array([10_000, 5_000]))
    rows = {(row.channel, row.month): row for row in returns(credit, spend, "channel")}
    ads, radio = rows["ads", None], rows["radio", None]
    assert (ads.spend, ads.cost_per_ripe_lead, ads.cost_per_win, ads.return_on_spend) == (100, 100, 100, 3)
    assert (radio.cost_per_ripe_lead, radio.return_on_spend) == (None, 0)
