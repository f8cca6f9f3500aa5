"""What rows of every CRM tell, as events: a lead and its traits, an ending, a sales call.

Event ids come from the record's id in the CRM, so that the same export again adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from features.errors import InputError
from features.events import IDENTIFY, SALES_CALL, Event, content_id
from features.sources.cells import Moment
from features.sources.exports import Candidate, Terms

DISPOSITIONS = ("too_early", "on_time", "too_late", "not_a_buyer", "wrong_person", "no_answer")


def lead(
    line: int,
    record: str,
    terms: Terms,
    *,
    created: Moment,
    changed: Moment | None,
    source: str | None,
    traits: Mapping[str, Any],
) -> Iterator[Candidate]:
    """A record that is a lead: its creation, and its traits. ``record``: the CRM and the lead's id.

    An export holds the values of today. Only where the lead came from is known to be as old as the record; the rest
    is dated to the record's last change, from which on it was so, and if that is not told, to now. Dated to the
    creation it would show a model of the past what nobody knew then.
    """
    lead_id = record.partition(":")[2]
    come = _Event(lead_id, IDENTIFY, created, {"source": source})
    yield come.candidate(line, f"{record}:created", terms)
    changed = changed or Moment(terms.now, day=False)
    said = {name: value for name, value in traits.items() if value is not None}
    if said:
        event_id = f"{record}:{content_id(sorted(said.items()), changed.at)}"
        yield _Event(lead_id, IDENTIFY, changed, said).candidate(line, event_id, terms)


def ending(
    line: int,
    record: str,
    kind: str,
    terms: Terms,
    *,
    when: Moment,
    properties: Mapping[str, Any],
    lead_ids: Sequence[str],
    accounts: Sequence[str] = (),
) -> Iterator[Candidate]:
    """A deal that ended: so did every lead of it; the first carries the value, so that it counts once.

    ``record``: the CRM, the kind of record and its id. ``accounts``: whose leads they are where none is named.
    """
    if not lead_ids and not accounts:
        raise InputError(where="", expected="the contact or the company of the deal", got="none")
    for place, who in enumerate(lead_ids or accounts[:1]):
        mine = {name: value for name, value in properties.items() if name != "value" or place == 0}
        event_id = f"{record}:{content_id(who, kind, when.at, sorted(mine.items()))}"
        event = _Event(who if lead_ids else "", kind, when, mine)
        yield event.candidate(line, event_id, terms, account=None if lead_ids else who)


def call(
    line: int,
    record: str,
    terms: Terms,
    *,
    when: Moment,
    lead_ids: Sequence[str],
    disposition: str | None,
    **more: Any,
) -> Iterator[Candidate]:
    """A sales call with each of these leads. ``disposition``: the CRM's own word.

    A word that is not mapped stays as it is under ``crm_disposition`` and says nothing to the model.
    """
    word = (disposition or "").strip().lower()
    same = word.replace(" ", "_").replace("-", "_")
    ours = terms.dispositions.get(word) or (same if same in DISPOSITIONS else None)
    properties = {"disposition": ours, "crm_disposition": disposition, **more}
    for who in lead_ids:
        yield _Event(who, SALES_CALL, when, properties).candidate(line, f"{record}:{who}", terms)


class _Event(NamedTuple):
    lead_id: str
    type: str
    when: Moment
    properties: Mapping[str, Any]  # nulls say nothing

    def candidate(self, line: int, event_id: str, terms: Terms, *, account: str | None = None) -> Candidate:
        event = Event(
            event_id=event_id,
            lead_id=self.lead_id,
            type=self.type,
            occurred_at=self.when.at,
            recorded_at=terms.recorded(self.when),
            properties={name: value for name, value in self.properties.items() if value is not None},
        )
        return Candidate(line, event, self.when.day, account)
