"""The features of one lead at one time, worked out plainly from the events: slow, and meant to be obviously right.

Written from what features/feature_spec.py says of each aggregation; shares no code with the builder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from features.catalogue import Catalogue
from features.errors import InputError
from features.events import Event, parse_time
from features.feature_spec import Condition, FeatureSpec

DAY = 86_400_000_000
SPECIAL = {
    "identify", "need_declared", "sales_call", "handoff", "handoff_accepted", "handoff_rejected", "handoff_scored",
    "purchased", "lost",
    "erased",
}  # fmt: skip
NEVER_LOOKED_AT = {"purchased", "lost", "erased"}  # but endings of colleagues, where a row names them
Value = float | str | None


def slow_row(events: Sequence[Event], lead_id: str, as_of: int, catalogue: Catalogue) -> list[Value]:
    """One value for each feature: a number, the text of a level, or None where it is missing."""
    seen = sorted(
        (e for e in events if not e.bot and e.occurred_at <= as_of and e.recorded_at <= as_of),
        key=lambda e: (e.occurred_at, e.recorded_at, e.event_id),
    )
    row = {
        spec.name: value(spec, seen, lead_id, as_of, catalogue)
        for spec in catalogue.features
        if spec.aggregation != "ratio"
    }
    for spec in catalogue.features:
        if spec.aggregation == "ratio":
            below = row[spec.denominator]
            above = row[spec.numerator]
            defined = below not in (None, 0) and above is not None
            row[spec.name] = above / below if defined else None
    return [row[spec.name] for spec in catalogue.features]


def value(  # noqa: C901, PLR0911, PLR0912 - one case for each aggregation
    spec: FeatureSpec, seen: list[Event], lead_id: str, as_of: int, catalogue: Catalogue
) -> Value:
    if spec.scope != "lead":
        return of_account(spec, seen, lead_id, as_of, catalogue.account_property)
    life = [e for e in seen if e.lead_id == lead_id and e.type not in NEVER_LOOKED_AT]
    chosen = [e for e in life if selects(spec, e)]
    inside = within(chosen, as_of, spec.window)
    given = [(e, read(e, spec.properties)) for e in inside if spec.properties]
    numbers = [n for _, v in given if (n := number(v)) is not None]
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=as_of)
    match spec.aggregation:
        case "count":
            return len(inside)
        case "sum":
            return math.fsum(numbers)
        case "mean":
            return math.fsum(numbers) / len(numbers) if numbers else None
        case "max":
            return max(numbers, default=None)
        case "min":
            return min(numbers, default=None)
        case "distinct":
            return len(set(texts_of(spec, given)))
        case "active_days":
            return len({e.occurred_at // DAY for e in inside})
        case "recency":
            return (as_of - chosen[-1].occurred_at) / DAY if chosen else None
        case "first":
            return (as_of - chosen[0].occurred_at) / DAY if chosen else None
        case "decayed":
            return math.fsum(0.5 ** ((as_of - e.occurred_at) / DAY / spec.half_life) for e in chosen)
        case "momentum":
            before = len(within(chosen, as_of, 2 * spec.window)) - len(inside)
            return change(len(inside), before)
        case "pace":
            past = (as_of - life[0].occurred_at) / DAY - spec.window if life else 0
            return change(len(inside) / spec.window, (len(chosen) - len(inside)) / past) if past > 0 else None
        case "last" if spec.levels is None:
            return numbers[-1] if numbers else None
        case "last":
            texts = texts_of(spec, given)
            return (texts[-1] if texts[-1] in spec.levels else "(other)") if texts else None
        case "age":
            return (as_of - life[0].occurred_at) / DAY if life else None
        case "weekday":
            return day.weekday()
        case "month":
            return day.month
        case "day_of_year":
            return day.timetuple().tm_yday
    return of_dates(spec, [(e.occurred_at, d) for e, v in given if (d := date(v)) is not None], as_of)


def of_dates(spec: FeatureSpec, dates: list[tuple[int, int]], as_of: int) -> Value:  # noqa: PLR0911
    """``dates``: when, and which, in order."""
    changed = [(dates[i], dates[i - 1][1]) for i in range(1, len(dates)) if dates[i][1] != dates[i - 1][1]]
    present = changed[-1][0] if changed else dates[0] if dates else None
    match spec.aggregation:
        case "date_ahead":
            return (dates[-1][1] - as_of) / DAY if dates else None
        case "date_age":
            return (as_of - dates[-1][0]) / DAY if dates else None
        case "date_changes":
            return len(changed)
        case "date_drift":
            return (dates[-1][1] - dates[0][1]) / DAY if dates else None
        case "date_first_ahead":
            return (dates[0][1] - as_of) / DAY if dates else None
        case "date_first_age":
            return (as_of - dates[0][0]) / DAY if dates else None
        case "date_notice":
            return (present[1] - present[0]) / DAY if present else None
        case "date_move":
            return (present[1] - changed[-1][1]) / DAY if present and changed else None
        case "date_margin":
            return (changed[-1][1] - present[0]) / DAY if present and changed else None
    raise AssertionError(spec.aggregation)


def texts_of(spec: FeatureSpec, given: list[tuple[Event, object]]) -> list[str]:
    plain = spec.properties[0] in (
        "@type",
        "@channel",
        "@campaign",
    )  # the name of a type, channel or campaign is taken as it is
    return [t for _, v in given if (t := v if plain else text(v)) is not None]


def of_account(spec: FeatureSpec, seen: list[Event], lead_id: str, as_of: int, trait: str) -> Value:
    """Only what is visible at as_of is in ``seen``, so all that follows is as known then."""
    mine = account_at(seen, lead_id, as_of, trait)
    others = {e.lead_id for e in seen} - {lead_id} if mine is not None else set()
    if spec.aggregation == "colleagues":
        moments = sorted({max(e.occurred_at, e.recorded_at) for e in seen})
        return sum(any(account_at(seen, other, moment, trait) == mine for moment in moments) for other in others)
    if spec.aggregation.startswith("date_"):
        # the account's alone, in the order they came in; a lead without colleagues has its own
        moments = sorted({max(e.occurred_at, e.recorded_at) for e in seen})
        near = [o for o in others if any(account_at(seen, o, moment, trait) == mine for moment in moments)]
        counted = [e for e in seen if e.lead_id == lead_id or near]
        if near:
            counted = [e for e in counted if account_of(e, seen, as_of, trait) == mine]
            counted.sort(key=lambda e: (joined(e, seen, as_of, trait), e.lead_id))
        dates = [(e.occurred_at, date(read(e, spec.properties))) for e in counted if selects(spec, e)]
        return of_dates(spec, [(at, day) for at, day in dates if day is not None], as_of)
    theirs = [e for e in seen if e.lead_id in others and selects(spec, e) and account_of(e, seen, as_of, trait) == mine]
    if spec.scope == "whole_account":
        theirs += [e for e in seen if e.lead_id == lead_id and selects(spec, e)]
    if spec.aggregation == "count":
        return len(within(theirs, as_of, spec.window))
    if spec.aggregation == "decayed":
        return math.fsum(0.5 ** ((as_of - e.occurred_at) / DAY / spec.half_life) for e in theirs)
    return (as_of - max(e.occurred_at for e in theirs)) / DAY if theirs else None


def account_of(event: Event, seen: list[Event], as_of: int, trait: str) -> str | None:
    """The account its lead was known to belong to when the event became known, else the first known later."""
    known = max(event.occurred_at, event.recorded_at)
    moments = sorted({max(e.occurred_at, e.recorded_at) for e in seen})
    for moment in [known, *(m for m in moments if known < m <= as_of)]:
        account = account_at(seen, event.lead_id, moment, trait)
        if account is not None:
            return account
    return None


def joined(event: Event, seen: list[Event], as_of: int, trait: str) -> int:
    """From when on an event counts to its account: when it is known, and an account of its lead."""
    known = max(event.occurred_at, event.recorded_at)
    moments = sorted({max(e.occurred_at, e.recorded_at) for e in seen})
    with_account = [m for m in moments if m <= as_of and account_at(seen, event.lead_id, m, trait) is not None]
    return max(known, with_account[0])


def account_at(seen: list[Event], lead_id: str, moment: int, trait: str) -> str | None:
    named = [
        text(read(e, (trait,)))
        for e in seen
        if e.lead_id == lead_id and e.type == "identify" and e.occurred_at <= moment and e.recorded_at <= moment
    ]
    return next((account for account in reversed(named) if account is not None), None)


def selects(spec: FeatureSpec, event: Event) -> bool:
    if event.type in spec.without_types:
        return False
    if event.type in NEVER_LOOKED_AT:
        endings = {"purchased", "lost"} & set(spec.types) if spec.scope != "lead" else set()
        if event.type not in endings:
            return False
    if not (
        event.type in spec.types or "@any" in spec.types or ("@engagement" in spec.types and event.type not in SPECIAL)
    ):
        return False
    if event.channel is not None and event.channel in spec.without_channels:
        return False
    if spec.channels and (event.channel is None or not ("@given" in spec.channels or event.channel in spec.channels)):
        return False
    return all(fulfils(read(event, condition.properties), condition) for condition in spec.where)


def fulfils(given: object, condition: Condition) -> bool:
    if (
        text(given) is None
        or (condition.one_of and text(given) not in condition.one_of)
        or text(given) in condition.none_of
    ):
        return False
    n = number(given)
    low, high = condition.at_least, condition.at_most
    return (low is None or (n is not None and n >= low)) and (high is None or (n is not None and n <= high))


def within(events: list[Event], as_of: int, window: float | None) -> list[Event]:
    return [e for e in events if window is None or as_of - e.occurred_at < window * DAY]


def change(now: float, before: float) -> float | None:
    return (now - before) / (now + before) if now + before else None


def read(event: Event, names: Sequence[str]) -> object:
    special = {"@type": event.type, "@channel": event.channel, "@campaign": event.campaign}
    if names[0] in special:
        return special[names[0]]
    properties = json.loads(json.dumps(dict(event.properties)))
    values = [
        section(properties.get(name.partition(":")[2])) if name.startswith("@section:") else properties.get(name)
        for name in names
    ]
    return next((found for found in values if found is not None), None)


def section(given: object) -> str | None:
    read_by = text(given)
    if read_by is None:
        return None
    is_address, is_path = "://" in read_by, read_by.startswith("/")
    if not is_address and not is_path:
        return uncounted(read_by)
    path = urlsplit(read_by).path if is_address else read_by.split("?")[0].split("#")[0]
    return next((uncounted(part) for part in path.lower().split("/") if part), "home")


def uncounted(read_by: str) -> str:
    digits = len(read_by) - len(read_by.rstrip("0123456789"))
    short = read_by[:-digits].rstrip(" _#.-") if digits else read_by
    return short if any(letter.isalpha() for letter in short) else read_by


def number(given: object) -> float | None:
    if isinstance(given, str):
        if not given.strip() or set(given.strip()) - set("0123456789+-.eE"):
            return None
        try:
            given = float(given)
        except ValueError:
            return None
    if not isinstance(given, (int, float)):
        return None
    return float(given) if abs(given) <= 1.7976931348623157e308 else None


def text(given: object) -> str | None:
    if isinstance(given, str):
        return given.strip() or None
    if isinstance(given, bool):
        return json.dumps(given)
    if isinstance(given, int):
        return str(given)
    if isinstance(given, float):
        return str(int(given)) if given == int(given) and abs(given) < 1e15 else repr(given)
    return None


def date(given: object) -> int | None:
    try:
        return parse_time(given) if isinstance(given, str) else None
    except InputError:
        return None
