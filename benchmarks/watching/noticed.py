"""When the watch noticed: every week (channels: every day) with what was known then."""

from __future__ import annotations

import numpy as np

from benchmarks.watching.market import Market
from features.events import DAY
from features.monitor_settings import MonitorSettings
from model.curves import Float
from model.watching.channels import channels
from model.watching.deadlines import level
from model.watching.forecasts import STEP, weeks
from model.watching.sequential import level_for, watch
from training.monitor.checks import Habit, broken, habit
from training.monitor.material import Material, gather

GIVEN = MonitorSettings()
WEEK = STEP * DAY
Alarms = dict[str, list[int]]


def alarms(market: Market, *, until: int, tests: tuple[str, ...]) -> Alarms:
    """The nights on which each of ``tests`` spoke up until then; after each it begins anew.

    The tests look at what had happened by each week's end, so that they can be told from what is known at the end:
    simulated endings and deadlines are recorded at once.
    """
    data, found = market.known_at(until), {}
    if "purchases" in tests:
        told, _ = gather(data, {}, since=0)
        made = weeks(told, tolerance=GIVEN.tolerance)
        found["purchases"] = _crossings(made.steps, (made.begins + WEEK).tolist())
    if "deadlines" in tests:
        made_habit = habit(data, GIVEN)
        assert made_habit is not None
        found["deadlines"] = _put_off(made_habit)
    if "channels" in tests:
        found["channels"] = _channels(data, until)
    return found


def _crossings(steps: Float, ends: list[int]) -> list[int]:
    level, found, begins = np.log(level_for(GIVEN.false_alarm_years, steps_a_year=52)), [], 0
    while begins < len(steps):
        over = np.flatnonzero(watch(steps[begins:]).log_level >= level)
        if not len(over):
            break
        found.append(int(ends[begins + over[0]]))
        begins += int(over[0]) + 1
    return found


def _put_off(made: Habit) -> list[int]:
    alarm, found, rest = np.log(level_for(GIVEN.false_alarm_years, steps_a_year=52)), [], made.weeks
    while len(rest):
        over = np.flatnonzero(level(made.recent, rest, made.limits) >= alarm)
        if not len(over):
            break
        found.append(rest[int(over[0])] + WEEK)
        rest = rest[int(over[0]) + 1 :]
    return found


def _channels(data: Material, until: int) -> list[int]:
    """One alarm for each time that a channel begins to be found broken."""
    found, before = [], set[str]()
    for now in range(data.learned_until + DAY, until + 1, DAY):
        dying = {one.name for one in broken(channels(data.history, now, share=GIVEN.channel_share), GIVEN)}
        if dying - before:
            found.append(now)
        before = dying
    return found
