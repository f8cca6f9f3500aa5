"""Erasing a lead: nothing of it is left in any table or, on SQLite, in the file, and nothing of it comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from features.errors import UnknownLead
from features.events import Event, events_table
from features.store import Appended, Erasures, Store
from features.store.erasure import lead_columns, name_of
from features.store.protection import append_only_exceptions, audit_leads, audit_log, erased_leads
from features.store.schema import idempotency_keys, lead_accounts

MARKER = "zoe.marker@example.com"


def event(number: int, lead: str, kind: str = "page_view", **properties: Any) -> Event:
    return Event(
        event_id=f"e{number}", lead_id=lead, type=kind, occurred_at=number, recorded_at=number, properties=properties
    )


def filled(store: Store) -> None:
    rows = [event(i, MARKER if i % 7 == 0 else f"lead {i % 11}", mail=MARKER if i % 7 == 0 else "") for i in range(900)]
    rows += [event(1000, MARKER, "identify", account_id="acme"), event(1001, "ben", "identify", account_id="acme")]
    for i in range(0, len(rows), 100):
        store.append(events_table(rows[i : i + 100]))


def test_nothing_of_the_lead_is_left(store: Store) -> None:
    filled(store)
    done = Erasures(store).erase(MARKER, 5_000)
    assert done.removed == {"events": 130, "lead_accounts": 1}
    assert done.erased_at == 5_000
    assert store.events([MARKER]).num_rows == 0
    assert MARKER not in store.lead_ids()
    assert store.history(["ben"]).lead_ids == ("ben",)
    with store.engine.connect() as connection:
        assert connection.execute(sa.select(lead_accounts.c.lead_id)).scalars().all() == ["ben"]
        assert connection.execute(sa.select(append_only_exceptions)).all() == []
        assert MARKER not in str(connection.execute(sa.select(erased_leads)).all())


def test_the_bytes_are_gone_from_the_file(sqlite_store: Store) -> None:
    filled(sqlite_store)
    folder = Path(sqlite_store.engine.url.database or "").parent

    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in folder.iterdir())

    assert MARKER.encode() in everything()
    assert Erasures(sqlite_store).erase(MARKER, 5_000).overwritten
    assert MARKER.encode() not in everything()
    assert b"lead 3" in everything()


def test_while_a_reader_keeps_the_old_state_it_says_so(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.store.erasure._WAIT_SECONDS", 0)
    filled(sqlite_store)
    with sqlite_store.engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM events").scalar()
        assert not Erasures(sqlite_store).erase(MARKER, 5_000).overwritten
    assert Erasures(sqlite_store).erase(MARKER, 5_001).overwritten, "asking again brings it to an end"


def test_a_late_event_of_an_erased_lead_is_dropped(store: Store) -> None:
    filled(store)
    erasures = Erasures(store)
    assert erasures.of([MARKER, "ben"]) == {}
    before = erasures.number()
    erasures.erase(MARKER, 5_000)
    assert erasures.number() > before
    assert erasures.of([MARKER, "ben"]) == {MARKER: 5_000}
    late = [event(2000, MARKER, "identify", account_id="acme"), event(2001, "ben"), event(2001, "ben")]
    assert store.append(events_table(late)) == Appended(accepted=1, duplicates=1, erased=1)
    assert store.append(events_table(late[:1])) == Appended(0, 0, 1)
    assert store.events([MARKER]).num_rows == 0
    assert store.history(["ben"]).lead_ids == ("ben",)


def test_again_changes_nothing_and_an_unknown_lead_is_told(store: Store) -> None:
    filled(store)
    erasures = Erasures(store)
    assert erasures.erase(MARKER, 5_000).removed
    again = erasures.erase(MARKER, 6_000)
    assert (again.erased_at, again.removed) == (5_000, {})
    for unknown in ("nobody", "\x00", "%"):
        with pytest.raises(UnknownLead):
            erasures.erase(unknown, 6_000)
    assert erasures.of(["nobody"]) == {}
    assert store.append(events_table([event(3000, "nobody")])).accepted == 1


def test_all_ids_of_a_person_go_together(store: Store) -> None:
    """Whichever of them is asked for."""
    for asked, number in (("visitor", 10), ("known", 20)):
        visitor, known = f"visitor {asked}", f"known {asked}"
        store.append(events_table([event(number, visitor), event(number + 1, known)]))
        store.append(events_table([event(number + 2, known, "identify", anonymous_id=visitor)]))
        assert store.canonical([visitor]) == {visitor: known}
        done = Erasures(store).erase({"visitor": visitor, "known": known}[asked], 5_000)
        assert done.removed == {"events": 3, "lead_aliases": 1}
        late = [event(number + 3, visitor), event(number + 4, known)]
        assert store.append(events_table(late)).erased == 2


def test_texts_that_name_the_lead_go_as_a_whole(store: Store) -> None:
    lead, other = 'Zoe "100%" \\ Müller', "Zoe"
    answer = {"request_hash": "h", "claim": "c", "created_at": 1, "key_id": "k"}
    with store.writing() as connection:
        for each in (lead, other):
            row = {"idempotency_key": each[:8], "answer": orjson.dumps({"lead_id": each}).decode()}
            connection.execute(idempotency_keys.insert(), answer | row)
    done = Erasures(store).erase(lead, 5_000)
    assert done.removed == {"idempotency_keys": 1}
    with store.engine.connect() as connection:
        assert connection.execute(sa.select(idempotency_keys.c.idempotency_key)).scalars().all() == [other]


def test_a_failure_within_leaves_the_lead_as_it_was(store: Store) -> None:
    filled(store)

    def fail(*_: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Erasures(store).erase(MARKER, 5_000, also=fail)
    assert store.events([MARKER]).num_rows == 130
    assert Erasures(store).of([MARKER]) == {}


def test_the_audit_log_keeps_its_entries_under_a_pseudonym(store: Store) -> None:
    filled(store)
    row = {"position": 1, "at": 1, "who": "k", "via": "key", "action": "GET", "result": 200, "requests": 1, "leads": 2}
    with store.writing() as connection:
        insert = audit_log.insert().values(**{name: row[name] for name in row if name != "position"}, detail="{}")
        entry = connection.execute(insert.returning(audit_log.c.position)).scalar_one()
        connection.execute(audit_leads.insert(), [{"entry": entry, "lead_id": each} for each in (MARKER, "ben")])
    Erasures(store).erase(MARKER, 5_000)
    with store.engine.connect() as connection:
        names = set(connection.execute(sa.select(audit_leads.c.lead_id)).scalars())
        assert name_of(connection, "ben") == "ben"
        assert names == {"ben", name_of(connection, MARKER)}
    assert MARKER not in str(names)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE lead_id = 'ben'",
        "DELETE FROM audit_log",
        "UPDATE audit_log SET who = 'x'",
        "DELETE FROM audit_leads",
        "UPDATE audit_leads SET lead_id = 'x'",
    ],
)
def test_the_exception_lets_through_the_erased_lead_alone(store: Store, statement: str) -> None:
    filled(store)
    with store.writing() as connection:
        row = {"at": 1, "who": "k", "via": "key", "action": "GET", "result": 200, "requests": 1, "leads": 1}
        connection.execute(audit_log.insert().values(**row, detail="{}"))
        connection.execute(audit_leads.insert(), {"entry": 1, "lead_id": "ben"})
    with store.engine.connect() as connection:
        connection.execute(append_only_exceptions.insert(), {"lead_id": MARKER})
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.exec_driver_sql(statement)


def test_every_table_with_a_column_for_a_lead_says_so() -> None:
    """A new table whose rows name a lead must be marked, or an erasure would pass it by."""
    from features.store.schema import metadata

    marked = set(lead_columns())
    for table in metadata.tables.values():
        for column in table.columns:
            looks = column.name in ("lead_id", "from_id", "to_id", "lead") and table is not append_only_exceptions
            assert not looks or column in marked, f"{column}: info=LEAD is missing"
