"""A history as the kernel needs it for one catalogue: worked out once, however many rows are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.accounts import index_accounts, no_accounts
from features.compiled import compiled
from features.events import IDENTIFY
from features.feature_spec import EVENT_FIELDS
from features.history import History, Int32, Int64
from features.kernel import Accounts, Events, Texts
from features.plan import Plan
from features.texts import Said, account_of_identify, read_texts


@dataclass(frozen=True, eq=False)
class Prepared:
    """What ``kernel.fill_rows`` is given beside the requests and the program."""

    events: Events
    texts: Texts
    accounts: Accounts
    n_local: int


def prepare(history: History, plan: Plan) -> Prepared:
    """From the plan's memory if this history was prepared for it before."""
    known = plan.prepared.get(history)
    if isinstance(known, Prepared):
        return known
    prepared = _prepare(history, plan)
    plan.prepared[history] = prepared
    return prepared


def _prepare(history: History, plan: Plan) -> Prepared:
    other = plan.type_class[None]
    type_class = np.array([plan.type_class.get(name, other) for name in history.types], dtype=np.int32)
    other = plan.channel_class[None]
    channel_class = [plan.channel_class.get(name, other) for name in history.channels] + [plan.no_channel]
    of_type = type_class[history.type_code] if len(type_class) else np.empty(0, dtype=np.int32)
    kind = of_type * plan.n_channel_classes + np.array(channel_class, dtype=np.int32)[history.channel_code]
    kind[of_type < 0] = -1
    kind = kind.astype(np.int32, copy=False)
    reads = np.array([code >= 0 and plan.reads[code] for code in type_class], dtype=bool)
    if plan.account_property is not None and IDENTIFY in history.types:
        reads[history.types.index(IDENTIFY)] = True
    said = read_texts(history, plan, reads)
    accounts, event_account = _accounts(history, plan, said, kind)
    local, n_local = _locals(history, plan, said)
    events = Events(
        start=_own(history.start),
        occurred=_own(history.occurred_at),
        recorded=_own(history.recorded_at),
        kind=kind,
        text=said.of_event,
        account=event_account,
        local=local,
        level=_event_levels(history, plan),
    )
    return Prepared(events=events, texts=said.texts, accounts=accounts, n_local=n_local)


def _own(column: Int64) -> Int64:
    """Contiguous and writable, for numba compiles anew for every other sort of array."""
    return np.require(column, np.int64, ["C", "W"])


def _accounts(history: History, plan: Plan, said: Said, kind: Int32) -> tuple[Accounts, Int32]:
    if said.n_accounts == 0:
        n_streams, lines = len(plan.streams.takes), 1 + len(plan.streams.windows)
        return no_accounts(history.n_leads, history.n_events, n_streams, lines)
    return index_accounts(
        start=_own(history.start),
        occurred=_own(history.occurred_at),
        known=_own(history.known_at),
        lead_of=history.lead_code,
        named=account_of_identify(said, history),
        n_accounts=said.n_accounts,
        kind=kind,
        text=said.of_event,
        texts=said.texts,
        streams=plan.streams,
    )


def _event_field(history: History, name: str) -> tuple[Int32, tuple[str, ...]]:
    return {
        "@type": (history.type_code, history.types),
        "@channel": (history.channel_code, history.channels),
        "@campaign": (history.campaign_code, history.campaigns),
    }[name]


def _event_levels(history: History, plan: Plan) -> Int32:
    found = np.empty((len(plan.event_levels), history.n_events), dtype=np.int32)
    for i, reader in enumerate(plan.event_levels):
        codes, names = _event_field(history, reader.names[0])
        levels = {name: code for code, name in enumerate(reader.levels or ())}
        of_name = np.array([*(levels.get(name, len(levels)) for name in names), -1], dtype=np.int32)
        found[i] = of_name[codes]
    return found


def _locals(history: History, plan: Plan, said: Said) -> tuple[Int32, int]:
    """By distinct reader and event the number of its value within its lead, and how many a lead has at most."""
    found = np.empty((len(plan.values), history.n_events), dtype=np.int32)
    most = 1
    for i, reader in enumerate(plan.values):
        if reader.names[0] in EVENT_FIELDS:
            codes, n_codes = _event_field(history, reader.names[0])[0], len(_event_field(history, reader.names[0])[1])
        else:
            codes, n_codes = said.values[i][said.of_event], int(said.values[i].max(initial=-1)) + 1
        most = max(most, _number_within_leads(_own(history.start), codes, n_codes, found[i]))
    return found, most


@compiled
def _number_within_leads(start, codes, n_codes, numbers):  # type: ignore[no-untyped-def]
    last_lead = np.full(n_codes, -1, dtype=np.int64)
    number = np.empty(n_codes, dtype=np.int32)
    most = 0
    for lead in range(len(start) - 1):
        n = 0
        for event in range(start[lead], start[lead + 1]):
            code = codes[event]
            if code < 0:
                numbers[event] = -1
                continue
            if last_lead[code] != lead:
                last_lead[code], number[code] = lead, n
                n += 1
            numbers[event] = number[code]
        most = max(most, n)
    return most
