"""What is known about leads from before a folder is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from features.events import EVENT_SCHEMA
from features.store.facts import LeadFacts


class KnownLeads(Protocol):
    """Whoever knows about leads from before: a Store."""

    def lead_facts(self, lead_ids: Sequence[str]) -> Mapping[str, LeadFacts]: ...

    def statements(self, lead_ids: Sequence[str]) -> pa.Table: ...


class Nobody:
    """No lead is known from before."""

    def lead_facts(self, lead_ids: Sequence[str]) -> Mapping[str, LeadFacts]:  # noqa: ARG002 - nobody is known
        return {}

    def statements(self, lead_ids: Sequence[str]) -> pa.Table:  # noqa: ARG002 - nobody is known
        return EVENT_SCHEMA.empty_table()
