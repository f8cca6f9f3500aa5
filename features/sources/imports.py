"""From an export of a CRM to the log: for the API and for the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path

from features.business_settings import CrmSettings
from features.errors import ErasedLead, InputError
from features.events import events_table
from features.sources import hubspot, salesforce
from features.sources.admission import admit, events_of
from features.sources.exports import ExportRow, Found, Mapping_, Terms, csv_rows, read_rows
from features.store import Erasures, Store
from features.store.feed import members
from features.store.transaction import transaction
from features.tables.sources import Reject

OBJECTS: Mapping[str, Mapping[str, Mapping_]] = {"hubspot": hubspot.OBJECTS, "salesforce": salesforce.OBJECTS}
IDS: Mapping[str, Mapping[str, Sequence[str]]] = {"hubspot": hubspot.IDS, "salesforce": salesforce.IDS}


@dataclass(frozen=True)
class Imported:
    """What became of the rows of an export. ``accepted`` and ``known`` count events, the others rows."""

    read: int
    accepted: int
    known: int
    ignored: int
    rejects: list[Reject]


def terms(settings: CrmSettings, now: int, *, zone: tzinfo = UTC, as_history: bool = True) -> Terms:
    """``now``: microseconds since 1970 UTC."""
    words = {word.strip().lower(): ours for word, ours in settings.dispositions.items()}
    return Terms(
        now=now,
        zone=zone,
        as_history=as_history,
        dispositions={**hubspot.DISPOSITIONS, **words},
        won=frozenset(stage.strip().lower() for stage in settings.won_stages),
        lost=frozenset(stage.strip().lower() for stage in settings.lost_stages),
    )


def read_export(crm: str, kind: str, rows: Iterable[ExportRow | Reject], how: Terms) -> Found:
    """What the rows tell, without the log: for the part of an import that needs no turn at the database."""
    return read_rows(f"{crm}/{kind}", rows, OBJECTS[crm][kind], how)


def append_export(found: Found, log: Store, *, now: int) -> Imported:
    """Append what the log does not say yet. ``log``: a transaction, so that endings are judged by what it holds."""
    found = _without_erased(found, log)
    accounts = sorted({candidate.account for candidate in found.candidates if candidate.account is not None})
    admitted = admit(found, log, _members(log, accounts), now=now)
    done = log.append(events_table(events_of(admitted.candidates)))
    rejects = sorted(found.rejects + admitted.rejects, key=lambda reject: reject.line)
    return Imported(found.read, done.accepted, done.duplicates + admitted.told, found.ignored, rejects)


def _without_erased(found: Found, log: Store) -> Found:
    """What is told of leads that were erased is refused."""
    leads = sorted({candidate.event.lead_id for candidate in found.candidates if candidate.account is None})
    gone = Erasures(log).of(leads)
    if not gone:
        return found
    rejects = [
        Reject(found.source, candidate.line, "lead_id", str(ErasedLead(lead, gone[lead])))
        for candidate in found.candidates
        if (lead := candidate.event.lead_id) in gone
    ]
    kept = [candidate for candidate in found.candidates if candidate.event.lead_id not in gone]
    return replace(found, candidates=kept, rejects=[*found.rejects, *rejects])


def _members(log: Store, accounts: Sequence[str]) -> dict[str, list[str]]:
    """The leads of each account, without their aliases."""
    if not accounts:
        return {}
    found = members(log, accounts)
    lead_of = log.canonical(sorted({lead for leads in found.values() for lead in leads}))
    return {account: list(dict.fromkeys(lead_of[lead] for lead in leads)) for account, leads in found.items()}


def export_files(crm: str, path: Path) -> list[tuple[str, Path]]:
    """The kind and the file of each export in a folder, or of the one file; leads before what is told of them.

    The name of a file tells what it holds: ``hubspot-crm-exports-all-contacts.csv`` has contacts.
    """
    kinds = list(OBJECTS[crm])
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    named = []
    for file in files:
        name = file.name.lower().replace("_", "-").replace("campaignmember", "campaign-member")
        found = [kind for kind in kinds if kind in name or kind.removesuffix("s") in name]
        # "campaign-members-of-leads" would be both; the longer name is the more exact one
        named += [(max(found, key=len), file)] if found else []
    if not named or (path.is_file() and not path.exists()):
        raise InputError(
            where=str(path), expected=f"CSV files named after {', '.join(kinds)}", got="none",
            remedy=f"Name each file after what it holds, such as {kinds[0]}.csv",
        )  # fmt: skip
    return sorted(named, key=lambda pair: (kinds.index(pair[0]), pair[1]))


def load_export(crm: str, kind: str, file: Path, store: Store, how: Terms) -> Imported:
    """One CSV file into the log."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InputError(where=str(file), expected="a file that can be read", got=str(error)) from None
    found = read_export(crm, kind, csv_rows(text, file.name, needed=IDS[crm][kind]), how)
    with transaction(store) as log:
        return append_export(found, log, now=how.now)
