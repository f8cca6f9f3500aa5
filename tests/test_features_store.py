"""The log keeps what it is given: one contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.builder import Requests, build
from features.catalogue import Catalogue
from features.errors import InputError, StoreUnavailable
from features.events import EVENT_SCHEMA, Event, events_table
from features.feature_spec import FeatureSpec
from features.store import Appended, Store
from features.store.schema import SPEND_SCHEMA, api_keys


def event(number: int, **given: Any) -> Event:
    values: dict[str, Any] = {
        "event_id": f"e{number}",
        "lead_id": "ada",
        "type": "page_view",
        "occurred_at": number,
        "recorded_at": number,
    }
    return Event(**{**values, **given})


def log(*events: Event) -> pa.Table:
    return events_table(events)


def ids(table: pa.Table) -> list[str]:
    return list(table["event_id"].to_pylist())


def test_events_come_back_as_they_were_given(store: Store) -> None:
    given = log(
        event(2, channel="mail", campaign="spring", bot=True, properties={"content": "/pricing", "minutes": 2.5}),
        event(1, lead_id="ben", properties={"name": "Zoë \u0000 “quoted” \\ 'single' \n", "nested": {"a": [1, None]}}),
        event(3, lead_id="çelik'; DROP TABLE events"),
        event(-4, occurred_at=-(10**15), recorded_at=4 * 10**15),
    )
    assert store.append(given) == Appended(accepted=4, duplicates=0)
    assert store.events().equals(given)
    assert store.events().schema.equals(EVENT_SCHEMA)


def test_an_empty_log(store: Store) -> None:
    assert store.position() == 0
    assert store.events().num_rows == 0
    assert store.events().schema.equals(EVENT_SCHEMA)
    assert store.append(EVENT_SCHEMA.empty_table()) == Appended(0, 0)
    assert store.history().n_leads == 0
    assert store.history(["nobody"]).n_leads == 0
    assert store.lead_ids() == []


def test_an_event_id_counts_once_and_the_first_wins(store: Store) -> None:
    first = store.append(log(event(1, channel="mail"), event(2), event(1, channel="web")))
    assert first == Appended(accepted=2, duplicates=1)
    again = store.append(log(event(2, channel="web"), event(3), event(3)))
    assert again == Appended(accepted=1, duplicates=2)
    assert store.events()["channel"].to_pylist() == ["mail", None, None]


def test_an_append_that_fails_leaves_nothing(store: Store) -> None:
    bad = log(event(1), event(2, lead_id="x" * 300))
    with pytest.raises(InputError, match="lead_id: expected at most 255 characters"):
        store.append(bad)
    assert store.position() == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"event_id": ""}, "event_id: expected a text"),
        ({"lead_id": ""}, "lead_id: expected a text"),
        ({"type": ""}, "type: expected a text"),
        ({"event_id": "x" * 256}, "event_id: expected at most 255"),
        ({"campaign": "x" * 256}, "campaign: expected at most 255"),
        ({"lead_id": "a\x00b"}, "lead_id: expected text without the character NUL"),
        ({"channel": "\x00"}, "channel: expected text without the character NUL"),
    ],
)
def test_names_the_log_cannot_hold_are_refused(store: Store, wrong: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        store.append(log(event(1, **wrong)))


def test_the_longest_names_fit(store: Store) -> None:
    long = "\U0001f9ad" * 255  # four bytes each
    table = log(event(1, event_id=long, lead_id=long, type="identify", properties={"account_id": long * 100}))
    assert store.append(table).accepted == 1
    assert store.events([long]).equals(table)


@pytest.mark.parametrize("table", [pa.table({"event_id": ["e1"]}), log(event(1)).set_column(1, "lead_id", [[None]])])
def test_a_table_of_another_schema_is_refused(store: Store, table: pa.Table) -> None:
    with pytest.raises(InputError, match="expected a table of EVENT_SCHEMA"):
        store.append(table)


def test_events_of_given_leads_only(store: Store) -> None:
    store.append(log(event(1), event(2, lead_id="ben"), event(3, lead_id="cem"), event(4)))
    assert ids(store.events(["ada", "cem", "nobody"])) == ["e1", "e3", "e4"]
    assert ids(store.events([])) == []
    many = [f"lead {i}" for i in range(5_000)]
    assert ids(store.events([*many, "ben"])) == ["e2"]
    assert store.history([*many, "ben"]).lead_ids == ("ben",)


def test_known_by_leaves_out_what_occurred_or_was_recorded_later(store: Store) -> None:
    store.append(log(event(1), event(2, recorded_at=9), event(3, occurred_at=9, recorded_at=3), event(4)))
    assert ids(store.events(known_by=4)) == ["e1", "e4"]
    assert ids(store.events(["ada"], known_by=3)) == ["e1"]
    assert ids(store.events(known_by=9)) == ["e1", "e2", "e3", "e4"]
    assert store.history(["ada"], known_by=4).occurred_at.tolist() == [1, 4]


def test_a_position_names_a_state_of_the_log(store: Store) -> None:
    store.append(log(event(1), event(2)))
    then = store.position()
    store.append(log(event(2), event(3)))
    assert store.position() > then
    assert ids(store.events(up_to=then)) == ["e1", "e2"]
    assert store.history(up_to=then).n_events == 2
    assert ids(store.events(["ada"], up_to=then, known_by=1)) == ["e1"]


def test_the_history_of_a_lead_brings_its_colleagues(store: Store) -> None:
    def joins(number: int, lead: str, account: object) -> Event:
        return event(number, lead_id=lead, type="identify", properties={"account_id": account})

    store.append(log(joins(1, "ada", "acme"), joins(2, "ben", "acme"), joins(3, "cem", 12), event(4, lead_id="ben")))
    store.append(log(joins(5, "dora", "12"), joins(6, "ada", "other"), joins(7, "eve", None), event(8, lead_id="eve")))
    assert store.history(["ada"]).lead_ids == ("ada", "ben")
    assert store.history(["cem"]).lead_ids == ("cem", "dora")
    assert store.history(["eve"]).lead_ids == ("eve",)
    assert store.history(["eve", "ben"]).lead_ids == ("ada", "ben", "eve")
    assert store.history([*(f"lead {i}" for i in range(2_000)), "ben"]).lead_ids == ("ada", "ben")
    assert store.events(["ada"])["lead_id"].to_pylist() == ["ada", "ada"]
    assert store.history().lead_ids == ("ada", "ben", "cem", "dora", "eve")


def test_ids_that_are_one_account_to_the_builder_are_one_to_the_store(store: Store) -> None:
    spellings = ["7", 7, 7.0, " 7 "]
    leads = [f"lead {i}" for i in range(len(spellings))]
    store.append(
        log(
            *(
                event(i, lead_id=lead, type="identify", properties={"account_id": account})
                for i, (lead, account) in enumerate(zip(leads, spellings, strict=True))
            ),
            *(
                event(10 + i, lead_id=f"none {i}", type="identify", properties={"account_id": nothing})
                for i, nothing in enumerate(["", "  ", [7]])
            ),
        )
    )
    catalogue = Catalogue((FeatureSpec(name="colleagues", aggregation="colleagues", scope="account"),))
    for lead in (*leads, "none 1"):
        alone = build(store.history([lead]), Requests([lead], np.array([100])), catalogue)
        among_all = build(store.history(), Requests([lead], np.array([100])), catalogue)
        assert alone["colleagues"].tolist() == among_all["colleagues"].tolist() == [3.0 if lead in leads else 0.0]


def test_an_identify_that_was_a_duplicate_links_no_account(store: Store) -> None:
    store.append(log(event(1, lead_id="ben", type="identify", properties={"account_id": "acme"}), event(2)))
    store.append(log(event(2, type="identify", properties={"account_id": "acme"}), event(3, type="identify")))
    assert store.history(["ada"]).lead_ids == ("ada",)


def test_lead_ids(store: Store) -> None:
    store.append(
        log(
            event(1),
            event(2, lead_id="ben"),
            event(3, lead_id="ben", type="lost"),
            event(4, lead_id="cem", bot=True),
            event(5, lead_id="dora", recorded_at=9),
            event(6, lead_id="ada", type="purchased", bot=True),
        )
    )
    assert store.lead_ids() == ["ada", "ben", "dora"]
    assert store.lead_ids(open_only=True) == ["ada", "dora"]
    assert store.lead_ids(known_by=2, open_only=True) == ["ada", "ben"]
    assert store.lead_ids(known_by=0) == []


def test_lead_facts(store: Store) -> None:
    store.append(
        log(
            event(3),
            event(2),
            event(7, type="lost"),
            event(5, type="purchased"),
            event(1, bot=True),
            event(4, lead_id="ben", type="purchased"),
        )
    )
    facts = store.lead_facts(["ada", "ben", "nobody"])
    assert set(facts) == {"ada", "ben"}
    assert (facts["ada"].first_at, facts["ada"].ending) == (2, ("purchased", 5))
    assert (facts["ben"].first_at, facts["ben"].ending) == (None, ("purchased", 4))
    assert store.lead_facts([]) == {}


@pytest.mark.parametrize("statement", ["UPDATE {} SET channel = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["events", "spend"])
def test_what_is_in_the_log_cannot_be_changed(store: Store, table: str, statement: str) -> None:
    store.append(log(event(1)))
    store.append_spend(spend(("mail", None, 0, 1.0, 0)))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.writing() as connection:
        connection.exec_driver_sql(statement.format(table))
    assert store.position() == 1


def test_appends_of_many_threads_are_all_there_once(store: Store) -> None:
    wrong: list[BaseException] = []
    accepted: list[int] = []
    seen: list[tuple[int, list[str]]] = []

    def write(writer: int) -> None:
        try:
            for i in range(10):
                shared, own = event(i), event(1000 + 10 * writer + i, type="identify", properties={"account_id": "a"})
                accepted.append(store.append(log(shared, own)).accepted)
                position = store.position()
                seen.append((position, ids(store.events(up_to=position))))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sum(accepted) == 10 + 60
    assert len(set(ids(store.events()))) == store.events().num_rows == 70
    for position, then in seen:  # nothing came in at or below a position later on
        assert ids(store.events(up_to=position)) == then


def test_a_transaction_that_fails_writes_nothing(store: Store) -> None:
    key = {"key_id": "k", "name": "n", "hash": "h", "scopes": "read", "created_at": 0}
    with pytest.raises(sa.exc.IntegrityError), store.writing() as connection:
        [connection.execute(sa.insert(api_keys), key) for _ in range(2)]
    with store.writing() as connection:
        connection.execute(sa.insert(api_keys), key)  # no conflict with the one that was rolled back


def spend(*rows: tuple[str, str | None, int, float, int]) -> pa.Table:
    columns = [pa.array(column, kind.type) for column, kind in zip(zip(*rows, strict=True), SPEND_SCHEMA, strict=False)]
    return pa.Table.from_arrays([*columns, pa.array(["{}"] * len(rows))], schema=SPEND_SCHEMA)


def test_the_spend_recorded_last_counts(store: Store) -> None:
    assert store.spend().num_rows == 0
    mail = ("mail", None, 0, 1.0, 5), ("mail", None, 0, 2.5, 9), ("mail", "a", 0, 3.0, 1)
    rows = spend(*mail, ("web", None, 1, 4.0, 1))
    assert store.append_spend(rows) == Appended(accepted=4, duplicates=0)
    assert store.append_spend(rows) == Appended(accepted=0, duplicates=4)
    assert store.append_spend(SPEND_SCHEMA.empty_table()) == Appended(0, 0)
    assert sorted(store.spend()["amount"].to_pylist()) == [2.5, 3.0, 4.0]
    assert sorted(store.spend(known_by=5)["amount"].to_pylist()) == [1.0, 3.0, 4.0]
    store.append_spend(spend(("web", None, 1, 7.0, 1)))  # as late as the one before, but appended after it
    assert sorted(store.spend()["amount"].to_pylist()) == [2.5, 3.0, 7.0]
    assert store.spend().schema.equals(SPEND_SCHEMA)
    with pytest.raises(InputError, match="expected a table of SPEND_SCHEMA"):
        store.append_spend(pa.table({"channel": ["mail"]}))


def test_reading_in_bulk_gives_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    joined = [event(i, lead_id=f"l{i}", type="identify", properties={"account_id": i % 7}) for i in range(50)]
    store.append(log(*joined, event(60, lead_id="l3", bot=True, channel="é", recorded_at=10**16)))
    for leads in (None, [], ["l3"], [f"l{i}" for i in range(30, 2_000)]):
        for known_by, up_to in ((None, None), (40, None), (None, 20), (10, 5)):
            few = store.events(leads, known_by=known_by, up_to=up_to)
            few_leads = store.history(leads, known_by=known_by, up_to=up_to).lead_ids
            with monkeypatch.context() as patch:
                patch.setattr("features.store.store._BULK_FROM_EVENTS", 0)
                patch.setattr("features.store.store._BULK_FROM_LEADS", 0)
                assert store.events(leads, known_by=known_by, up_to=up_to).equals(few)
                assert store.history(leads, known_by=known_by, up_to=up_to).lead_ids == few_leads


@pytest.mark.parametrize("line_end", ["", "\n\\.\n"])
def test_many_events_at_once_are_kept_as_they_are(store: Store, line_end: str) -> None:
    odd = ["", ",", '"', "\\.", "\\N", "NULL", "\t", "é\U0001f9ad", "'", line_end]
    events = [
        event(
            i,
            lead_id=f"l {odd[i % 10]}",
            channel=odd[i % 10],
            campaign=None,
            bot=i % 3 == 0,
            properties={"x": odd[i % 10]},
        )
        for i in range(3_000)
    ]
    given = log(*events)
    assert store.append(pa.concat_tables([given, given.slice(5, 100)])) == Appended(3_000, 100)
    assert store.append(given) == Appended(0, 3_000)
    assert store.events().equals(given)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
times = st.integers(-(2**62), 2**62)
generated = st.builds(
    Event,
    event_id=names,
    lead_id=names,
    type=names | st.just("identify"),
    occurred_at=times,
    recorded_at=times,
    channel=names | st.none(),
    campaign=names | st.none(),
    bot=st.booleans(),
    properties=st.dictionaries(names | st.just("account_id"), names | st.integers(-9, 9) | st.none(), max_size=3),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.lists(generated, max_size=5), max_size=3))
def test_the_log_is_the_first_event_of_each_id(store: Store, batches: list[list[Event]]) -> None:
    start = store.position()
    have = set(ids(store.events()))
    expected: dict[str, Event] = {}
    for batch in batches:
        new = [e for e in {e.event_id: e for e in reversed(batch)}.values() if e.event_id not in have | set(expected)]
        expected |= {e.event_id: e for e in batch if e in new}
        assert store.append(events_table(batch)) == Appended(len(new), len(batch) - len(new))
    after = store.events()
    got = after.slice(after.num_rows - len(expected)) if expected else after.slice(0, 0)
    assert set(ids(got)) == set(expected)
    for row in got.to_pylist():
        assert row == log(expected[row["event_id"]]).to_pylist()[0]
    assert store.position() >= start


def test_two_stores_on_one_database(store: Store, database_url: str) -> None:
    with Store.open(database_url) as other:
        store.append(log(event(1)))
        assert ids(other.events()) == ["e1"]
        assert other.append(log(event(1), event(2))) == Appended(1, 1)
        assert ids(store.events()) == ["e1", "e2"]


def test_a_connection_that_is_in_use_when_its_store_closes_is_closed_as_it_comes_back(database_url: str) -> None:
    store = Store.open(database_url)
    with store.reading() as connection:
        own = connection.connection.driver_connection
        assert own is not None
        store.close()
        assert connection.execute(sa.select(1)).scalar() == 1
    with pytest.raises(Exception, match="closed"):
        own.execute("SELECT 1")


def test_a_url_of_another_database_is_refused() -> None:
    for url in ("nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", ""):
        with pytest.raises(InputError, match="LEADTIME_DATABASE_URL"):
            Store.open(url, migrate=True)


def test_a_password_is_never_told() -> None:
    with pytest.raises(StoreUnavailable) as told:
        Store.open("postgresql://me:s3cret@127.0.0.1:1/none")
    assert "s3cret" not in str(told.value)
    assert "127.0.0.1:1" in str(told.value)
