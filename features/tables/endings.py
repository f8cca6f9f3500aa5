"""How leads ended: one ending each, not before the lead was there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from features.events import DAY, to_iso
from features.tables.known import KnownLeads
from features.tables.rows import Int64, Mask, Rows


class Endings:
    """The endings seen so far, in the log and in the files."""

    def __init__(self, known: KnownLeads, created: Mapping[str, int]) -> None:
        self._known, self._created = known, created
        self._seen: dict[str, tuple[str, int]] = {}

    def check(
        self,
        rows: Rows,
        which: Mask,
        *,
        lead_ids: Sequence[str],
        types: Sequence[str],
        at: Int64,
        days: Mask,
        column: str,
    ) -> Int64:
        """Refuse rows with a second ending, or one before the lead was created; the times of the endings.

        The same ending again is no second one: it may bring what was not known yet, such as the satisfaction.
        A date without a time (``days``) means midnight, and on the day of creation the moment of creation.
        """
        places = (which & rows.ok).nonzero()[0].tolist()
        facts = self._known.lead_facts(sorted({lead_ids[i] for i in places} - self._seen.keys()))
        at = at.copy()
        for i in places:
            lead, fact = lead_ids[i], facts.get(lead_ids[i])
            stored = fact.ending if fact else None
            if (types[i], int(at[i])) == stored:
                self._seen.setdefault(lead, stored)
                continue
            created = self._created.get(lead, fact.first_at if fact else None)
            if created is not None and at[i] < created:
                if not (days[i] and created - at[i] < DAY):
                    got = f"{to_iso(int(at[i]))}, before the lead's creation at {to_iso(created)}"
                    rows.refuse_row(i, column, f"expected an ending after the lead's creation, got {got}")
                    continue
                at[i] = created
            ending = (types[i], int(at[i]))
            first = self._seen.setdefault(lead, stored or ending)
            if first != ending:
                got = f"{ending[0]} at {to_iso(ending[1])}, after {first[0]} at {to_iso(first[1])}"
                rows.refuse_row(i, "lead_id", f"expected one ending for lead {lead!r}, got a second: {got}")
        return at
