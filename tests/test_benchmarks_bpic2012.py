"""The BPI 2012 adapter and the peer, on a small made-up log in the same format."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.bpic2012.log import COLUMNS, Adapted, adapt, answers, endings, find_data, read_log, requests
from benchmarks.bpic2012.naive_bayes import NaiveBayes
from benchmarks.bpic2012.peer import view
from benchmarks.prediction.peers.groups import curves_by_group
from features.errors import InputError

START = "2011-10-01T00:38:44.546+02:00"
ROWS = [
    # approved on day 14, with the activities of the ending in the same minute
    ("1", "A_SUBMITTED", "COMPLETE", "112", "2011-10-01T00:38:44.546+02:00"),
    ("1", "A_PREACCEPTED", "COMPLETE", "112", "2011-10-01T00:38:44.546+02:00"),
    ("1", "W_Nabellen offertes", "START", "10862", "2011-10-02T10:00:00.000+02:00"),
    ("1", "O_ACCEPTED", "COMPLETE", "10629", "2011-10-14T11:59:30.000+02:00"),
    ("1", "A_APPROVED", "COMPLETE", "10629", "2011-10-14T12:00:00.000+02:00"),
    ("1", "A_ACTIVATED", "COMPLETE", "10629", "2011-10-14T12:00:01.000+02:00"),
    ("1", "W_Valideren aanvraag", "COMPLETE", "", "2011-10-14T12:05:00.000+02:00"),
    # declined at once
    ("2", "A_SUBMITTED", "COMPLETE", "112", "2011-10-02T08:00:00.000+02:00"),
    ("2", "A_DECLINED", "COMPLETE", "112", "2011-10-02T08:00:30.000+02:00"),
    # cancelled after the clocks went back
    ("3", "A_SUBMITTED", "COMPLETE", "112", "2011-10-29T12:00:00.000+02:00"),
    ("3", "A_CANCELLED", "COMPLETE", "", "2011-11-29T11:00:00.000+01:00"),
    # open to the end
    ("4", "A_SUBMITTED", "COMPLETE", "112", "2011-12-01T12:00:00.000+01:00"),
    ("4", "W_Nabellen offertes", "START", "11", "2012-01-31T12:00:00.000+01:00"),
]


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "bpic2012_events.csv.gz"
    rows = [
        (case, START, 5000 * int(case), activity, lifecycle, resource, at, index)
        for index, (case, activity, lifecycle, resource, at) in enumerate(ROWS)
    ]
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
    return path


@pytest.fixture
def adapted(log_file: Path) -> Adapted:
    return adapt(read_log(log_file))


def test_times_of_both_zones_are_read_as_utc(log_file: Path) -> None:
    log = read_log(log_file)
    assert log["timestamp"].iloc[0] == pd.Timestamp("2011-09-30T22:38:44.546Z")
    assert log.loc[log["activity"] == "A_CANCELLED", "timestamp"].item() == pd.Timestamp("2011-11-29T10:00:00Z")


def test_the_first_activity_that_ends_a_case_counts(log_file: Path) -> None:
    ended = endings(read_log(log_file))
    assert ended["outcome"].to_dict() == {"1": "purchased", "2": "lost", "3": "lost"}
    assert ended["reason"].to_dict() == {"1": "A_APPROVED", "2": "A_DECLINED", "3": "A_CANCELLED"}


def test_nothing_from_a_minute_before_the_ending_on_is_left(adapted: Adapted) -> None:
    kept = adapted.events[adapted.events["lead_id"] == "1"]
    assert kept["type"].tolist() == ["A_SUBMITTED|COMPLETE", "A_PREACCEPTED|COMPLETE", "W_Nabellen offertes|START"]
    assert list(adapted.left_out.values()) == [5, 2, 1]
    assert adapted.outcomes["lead_id"].tolist() == ["1", "3"]


def test_cases_of_which_nothing_could_be_seen_are_left_out(adapted: Adapted) -> None:
    assert adapted.leads["lead_id"].tolist() == ["1", "3", "4"]
    assert adapted.leads["amount_req"].tolist() == [5000, 15000, 20000]


def test_events_of_the_same_instant_keep_their_order(adapted: Adapted) -> None:
    first_two = adapted.events["event_id"].iloc[:2].tolist()
    assert first_two == sorted(first_two)
    assert adapted.events["timestamp"].iloc[0] == adapted.events["timestamp"].iloc[1]


def test_written_tables_are_interchange_tables(adapted: Adapted, tmp_path: Path) -> None:
    adapted.write(tmp_path / "tables")
    outcomes = pd.read_csv(tmp_path / "tables" / "outcomes.csv")
    assert outcomes["at"].iloc[0] == "2011-10-14T10:00:00.000000Z"
    assert set(pd.read_csv(tmp_path / "tables" / "leads.csv")) == {"lead_id", "created_at", "amount_req"}
    assert {"event_id", "lead_id", "type", "timestamp", "owner"} == set(pd.read_csv(tmp_path / "tables" / "events.csv"))


def test_open_cases_are_asked_about_on_fixed_days_with_full_follow_up(adapted: Adapted) -> None:
    asked = requests(adapted, days=(1, 14, 40), start=pd.Timestamp("2011-10-20", tz="UTC"), follow_up=30)
    # day 1 of case 1 is before the start, and it ended on day 14; case 3 ended on day 31; day 40 of case 4 is too near
    # the end of the log
    assert list(zip(asked["lead_id"], asked["day"], strict=True)) == [("3", 1), ("4", 1), ("3", 14), ("4", 14)]
    known = answers(adapted, asked)
    assert known["outcome"].tolist() == [2, 0, 2, 0]
    assert known["duration"].tolist() == [30, 60, 17, 47]


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("case_id,timestamp\n1,2011-10-01\n")
    with pytest.raises(InputError, match="none named reg_date"):
        read_log(tmp_path / "log.csv")


def test_absent_data_are_not_found(tmp_path: Path) -> None:
    assert find_data({"LEADTIME_DATA": str(tmp_path)}) is None


def test_the_peer_sees_nothing_after_the_as_of_time(adapted: Adapted) -> None:
    asked = pd.DataFrame(
        {"lead_id": ["1", "1"], "as_of": pd.to_datetime(["2011-10-01T12:00Z", "2011-10-03T12:00Z"], utc=True)}
    )
    seen = view(adapted, asked)
    assert seen.fields["owner"].tolist() == ["112", "10862"]
    assert seen.tags["W_Nabellen offertes"].tolist() == [False, True]
    assert seen.stage.tolist() == [1, 1]


def test_naive_bayes_by_hand() -> None:
    fields = pd.DataFrame({"source": ["web", "web", "fair", "fair"]})
    won = np.array([True, False, False, False])
    peer = NaiveBayes.fit(fields, np.array([1, 0, 1, 0]), {}, won, stages=("new", "offer"))
    # the stage: won 1.1 in both; lost 3.1 in the first, 1.1 in the second. web: 1.1 of 1.2 won, 1.1 of 3.2 lost
    a = 1.1 / 4.2 * (1.1 / 1.1) * (1.1 / 1.2)
    b = 3.1 / 4.2 * (1.1 / 3.1) * (1.1 / 3.2)
    score = peer.score(pd.DataFrame({"source": ["web", "never seen"]}), np.array([1, 0]), {})
    assert score[0] == pytest.approx(100 * a / (a + b), abs=0.005)
    assert score[1] == pytest.approx(100 * 1.1 / 4.2, abs=0.005)


def test_rare_tags_are_skipped() -> None:
    fields = pd.DataFrame({"source": ["web"] * 60})
    won = np.arange(60) % 2 == 0
    tags = {"often": np.arange(60) < 55, "rare": np.arange(60) < 49}
    peer = NaiveBayes.fit(fields, np.zeros(60, dtype=int), tags, won, stages=("new",))
    assert set(peer.counts["tags"]) == {"often"}


def test_score_groups_get_the_curves_of_their_like() -> None:
    score = np.repeat([1.0, 50.0], 100)
    duration = np.where(np.arange(200) < 100, 20.0, 2.0)
    curves, _ = curves_by_group(score, duration, np.ones(200, dtype=int), [0.5, 60.0], np.array([1.0, 5.0, 25.0]))
    assert curves.tolist() == [[0, 0, 1], [0, 1, 1]]


def test_the_real_log_adds_up() -> None:
    path = find_data()
    if path is None:
        pytest.skip("the BPI 2012 log is not here; name the folder that holds bpic2012/ in LEADTIME_DATA")
    adapted = adapt(read_log(path))
    assert len(adapted.leads) == 13_087 - 3_345
    assert adapted.outcomes["outcome"].value_counts().to_dict() == {"lost": 7_635 + 2_807 - 3_345, "purchased": 2_246}
