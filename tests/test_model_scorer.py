from dataclasses import replace
from datetime import date

import numpy as np
import orjson
import pandas as pd
import pytest

from features.builder import Requests, build
from features.business_settings import Costs
from features.catalogue import Catalogue, expand
from features.errors import InputError
from features.events import DAY, parse_time, to_iso
from features.history import History
from features.simulate import main as simulate
from features.tables.folder import read_tables
from model.examples import Examples, calendar_split
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
from model.scorer import Scorer

END = date(2026, 6, 1)
NOW = parse_time("2026-06-01")
HORIZONS = (7, 30, 60)
Blocks = tuple[History, Catalogue, Examples, Examples]


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Blocks:
    folder = tmp_path_factory.mktemp("simulated")
    assert simulate([str(folder), "--leads", "700", "--seed", "5", "--end", END.isoformat(), "--days", "300"]) == 0
    history = History.from_table(read_tables(folder, now=NOW).events)
    split = calendar_split(history, known_by=NOW, longest=60)
    catalogue = expand(history, split.test_since)
    train, calibrate = (part(history).with_features(history, catalogue) for part in (split.train, split.calibrate))
    return history, catalogue, train, calibrate


def fit(blocks: Blocks) -> Scorer:
    _, catalogue, train, calibrate = blocks
    hazard = PurchaseHazard(HORIZONS, max_trees=60, learning_rate=0.1)
    return fit_scorer(
        train, calibrate, catalogue, horizons=HORIZONS, costs=Costs(), window_coverage=0.8, version="v1", hazard=hazard
    )


@pytest.fixture(scope="module")
def scorer(blocks: Blocks) -> Scorer:
    return fit(blocks)


@pytest.fixture(scope="module")
def requests(blocks: Blocks) -> Requests:
    lead_ids = list(blocks[0].lead_ids[::3])
    return Requests(lead_ids, np.full(len(lead_ids), NOW, dtype=np.int64))


@pytest.fixture(scope="module")
def scores(scorer: Scorer, blocks: Blocks, requests: Requests) -> pd.DataFrame:
    return scorer.score(blocks[0], requests)


def test_the_columns_are_those_of_the_design(scores: pd.DataFrame, requests: Requests) -> None:
    assert list(scores.columns) == [
        "lead_id", "as_of", "readiness", "p_7", "p_30", "p_60", "p_lost_7", "p_lost_30", "p_lost_60", "window_start",
        "window_end", "window_coverage", "median_date", "call_on", "priority", "reasons", "model_version",
        "cost_today", "cost_best", "cost_week_later", "cost_never", "handoff_on", "basis",
        "basis_why",
    ]  # fmt: skip
    assert scores["lead_id"].tolist() == requests.lead_ids
    assert set(scores["as_of"]) == {to_iso(NOW)}
    assert set(scores["model_version"]) == {"v1"}


def test_every_answer_makes_sense(scores: pd.DataFrame) -> None:
    assert scores["readiness"].between(0, 100).all()
    assert (scores["priority"] >= 0).all()
    for first, then in (("p_7", "p_30"), ("p_30", "p_60"), ("p_lost_7", "p_lost_30"), ("p_lost_30", "p_lost_60")):
        assert (scores[first] <= scores[then]).all()
    assert (scores["p_60"] + scores["p_lost_60"] <= 1).all()
    assert scores["readiness"].corr(scores["p_30"], method="spearman") > 0.99
    dates = ["window_start", "median_date", "window_end", "call_on", "handoff_on"]
    called = scores["call_on"].notna()
    for row in scores[called].itertuples():
        assert END <= row.window_start <= row.median_date <= row.window_end
        assert row.call_on >= END
        assert row.handoff_on is None or row.handoff_on >= END
        assert not any("No purchase expected" in reason for reason in row.reasons)
    assert called.any()
    assert (~called).any()
    for row in scores[~called].itertuples():
        assert all(getattr(row, name) is None for name in dates)
        assert row.reasons[0].startswith("No purchase expected within 60 days")
        assert row.priority == 0


def test_reasons_are_short_sentences_with_the_catalogues_words(scores: pd.DataFrame, blocks: Blocks) -> None:
    templates = {said for spec in blocks[1].features for said in (spec.fact, spec.absent) if said}
    begins = {said[:1].upper() + said[1:].split("{")[0] for said in templates if not said.startswith("{")}
    for reasons in scores["reasons"]:
        assert 1 <= len(reasons) <= 7
        for reason in reasons:
            assert len(reason) < 160
            assert "{" not in reason
            if reason.startswith("No purchase") or "purchase window" in reason or "purchase is expected" in reason:
                continue
            assert reason[0].isdigit() or any(reason.startswith(begin) for begin in begins)
            assert reason.endswith((" raises the chance to buy", " lowers the chance to buy"))


def test_scores_without_reasons_are_the_same(
    scorer: Scorer, blocks: Blocks, requests: Requests, scores: pd.DataFrame
) -> None:
    short = scorer.score(blocks[0], requests, reasons=False)
    pd.testing.assert_frame_equal(short.drop(columns="reasons"), scores.drop(columns="reasons"))
    assert all(len(reasons) == 0 for reasons in short.loc[short["call_on"].notna(), "reasons"])


def test_a_lead_scores_the_same_alone_and_among_others(
    scorer: Scorer, blocks: Blocks, requests: Requests, scores: pd.DataFrame
) -> None:
    for i in (0, 5):
        alone = scorer.score(blocks[0], Requests(requests.lead_ids[i : i + 1], requests.as_of[i : i + 1]))
        pd.testing.assert_frame_equal(alone, scores[i : i + 1].reset_index(drop=True), check_exact=True)


def test_files_bring_back_the_same_scores_to_the_bit(
    scorer: Scorer, blocks: Blocks, requests: Requests, scores: pd.DataFrame
) -> None:
    files = scorer.to_files()
    assert all(content.decode() for content in files.values())
    again = Scorer.from_files(files)
    pd.testing.assert_frame_equal(again.score(blocks[0], requests), scores, check_exact=True)
    assert again.to_files() == files
    assert again.digest() == scorer.digest()


def test_the_same_examples_and_seed_give_the_same_files(scorer: Scorer, blocks: Blocks) -> None:
    assert fit(blocks).to_files() == scorer.to_files()


def test_a_frame_and_the_encoded_matrix_give_the_same_curves(
    scorer: Scorer, blocks: Blocks, requests: Requests, scores: pd.DataFrame
) -> None:
    X = build(blocks[0], requests, scorer.catalogue)
    curves = scorer.curves(X, requests.as_of)
    assert np.array_equal(curves.at([30])[0][:, 0], scores["p_30"])


def test_a_lead_without_events_gets_a_score(scorer: Scorer, blocks: Blocks) -> None:
    early = Requests([blocks[0].lead_ids[0]], np.array([int(blocks[0].known_at.min()) - DAY], dtype=np.int64))
    assert scorer.score(blocks[0], early)["p_30"].between(0, 1).all()


def test_no_request_gives_an_empty_table_of_the_same_columns(
    scorer: Scorer, blocks: Blocks, scores: pd.DataFrame
) -> None:
    empty = scorer.score(blocks[0], Requests([], np.array([], dtype=np.int64)))
    assert len(empty) == 0
    assert list(empty.columns) == list(scores.columns)


def test_files_that_cannot_be_used_are_refused(scorer: Scorer) -> None:
    files = scorer.to_files()
    with pytest.raises(InputError, match=r"no catalogue\.json"):
        Scorer.from_files({"scorer.json": files["scorer.json"]})
    with pytest.raises(InputError, match="the JSON of a scorer"):
        Scorer.from_files({**files, "scorer.json": b"{"})
    other = orjson.dumps({**orjson.loads(files["scorer.json"]), "format": 99})
    with pytest.raises(InputError, match="format 99"):
        Scorer.from_files({**files, "scorer.json": other})
    texts = {name: content for name, content in files.items() if name != "purchase.txt"}
    with pytest.raises(InputError, match=r"purchase\.txt"):
        Scorer.from_files(texts)


def test_damaged_files_are_refused_before_lightgbm_reads_them(scorer: Scorer) -> None:
    """LightGBM ends the whole process over a tree cut short."""
    files = scorer.to_files()
    for name in ("purchase.txt", "catalogue.json"):
        half = files[name][: len(files[name]) // 2]
        with pytest.raises(InputError, match=f"{name}.*damaged"):
            Scorer.from_files({**files, name: half})


def test_a_scorer_of_another_make_is_refused(scorer: Scorer) -> None:
    files = scorer.to_files()
    data = orjson.loads(files["scorer.json"])
    unsigned = {name: value for name, value in data.items() if name != "sha256"}
    for wrong in ({"hazard": 5}, {"calibration": {}}, {"costs": {"other": 1}}):
        with pytest.raises(InputError, match="Train the model anew"):
            Scorer.from_files({**files, "scorer.json": orjson.dumps(data | wrong)})
    with pytest.raises(InputError, match="LightGBM's text format"):
        Scorer.from_files({**files, "scorer.json": orjson.dumps(unsigned), "purchase.txt": b"nonsense"})


def test_an_empty_block_is_refused(blocks: Blocks) -> None:
    _, catalogue, train, calibrate = blocks
    none = replace(calibrate.rows(np.zeros(len(calibrate), dtype=bool)))
    with pytest.raises(InputError, match="calibrate block"):
        fit_scorer(train, none, catalogue, horizons=HORIZONS, costs=Costs())
