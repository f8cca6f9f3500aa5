"""A model of one's own, with features of one's own, serves like the built-in one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from registry_alias import point
from serving_world import NOW, FixedModel, Running, run
from walkthrough import OWN_MODELS, write_files

from features import simulate
from features.builder import Requests
from features.catalogue import expand
from features.errors import InputError
from features.events import DAY
from features.lives import OPEN, lead_lives
from features.own_rows import own_rows
from features.rows import Rows
from features.settings import Settings
from features.store import Store
from features.tables import read_tables
from model.examples import calendar_split
from model.fit_scorer import fit_scorer
from model.own import Adapted, make
from model.scorer import Scorer
from serving.registry import BrokenModel, Served, load
from training import pyfunc
from training.tracking import Tracking

CLASS = "weekly_hazard:WeeklyHazard"
KEPT = ("n_engagement_{window}", "days_since_engagement", "age_days", "deadline_days", "last_channel")
OWN = """
[[feature]]
name = "visits_to_the_prices_{window}"
fact = "went to see the prices {times} {span}"
absent = "did not look at the prices {span}"
aggregation = "count"
where = { properties = "@section", one_of = "pricing" }
windows = [30, "all"]
"""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("own")
    write_files(OWN_MODELS, place)
    (place / "own.toml").write_text(OWN, encoding="utf-8")
    sys.path.insert(0, str(place))
    yield place
    sys.path.remove(str(place))
    sys.modules.pop("weekly_hazard", None)


@pytest.fixture(scope="module")
def url(folder: Path) -> str:
    tables = folder / "tables"
    assert simulate.main([str(tables), "--leads", "250", "--seed", "3", "--days", "250", "--end", "2026-11-01"]) == 0
    with Store.open(f"sqlite:///{folder}/leadtime.db", migrate=True) as store:
        store.append(read_tables(tables, now=NOW).events)
    return f"sqlite:///{folder}/leadtime.db"


@pytest.fixture(scope="module")
def scorer(folder: Path, url: str) -> Scorer:
    with Store.open(url) as store:
        history = store.history()
    rows = own_rows(str(folder / "own.toml"))
    assert rows is not None
    few = Rows(tuple(row for row in rows.rows if row["name"] in KEPT or "prices" in row["name"]), rows.caps)
    split = calendar_split(history, known_by=NOW, longest=90)
    catalogue = expand(history, split.test_since, rows=few)
    return fit_scorer(
        split.train(history, per_lead=4).with_features(history, catalogue),
        split.calibrate(history).with_features(history, catalogue),
        catalogue,
        horizons=(7, 30, 90),
        costs=Settings().costs,
        version="own-1",
        hazard=Adapted(make(CLASS, {"C": 0.01}), trusted=[CLASS]),
    )


@pytest.fixture(scope="module")
def loaded(scorer: Scorer) -> Scorer:
    return Scorer.from_files(scorer.to_files(), trusted=[CLASS])


@pytest.fixture(scope="module")
def service(url: str, loaded: Scorer) -> Iterator[Running]:
    running = run(url, FixedModel(Served(loaded, "1")))
    yield running
    running.store.close()


@pytest.fixture(scope="module")
def lead(service: Running) -> str:
    history = service.store.history()
    lives = lead_lives(history, NOW)
    old = lives.entered_at < NOW - 30 * DAY
    return str(history.lead_ids[int(((lives.outcome == OPEN) & old).nonzero()[0][0])])


def test_files_bring_back_the_same_scores_and_reasons(scorer: Scorer, loaded: Scorer, service: Running) -> None:
    history = service.store.history()
    asked = Requests(list(history.lead_ids[:40]), np.full(40, NOW - 40 * DAY))
    one, other = (each.score(history, asked) for each in (scorer, loaded))
    assert one.equals(other)
    assert scorer.digest() == loaded.digest()
    said = " ".join(reason for reasons in one["reasons"] for reason in reasons)
    assert "the prices" in said
    assert "the chance to buy" in said


def test_scores_reasons_and_changes_are_answered(service: Running, lead: str) -> None:
    client, key = service.client, service.key
    score = client.get(f"/v1/leads/{lead}/score", headers=key).get_json()
    assert score["model_version"] == "own-1"
    assert 0 < score["p_30"] < 1
    assert any("raises" in reason or "lowers" in reason for reason in score["reasons"])
    change = client.get(f"/v1/leads/{lead}/change?since=2026-10-20T00:00:00Z", headers=key)
    assert change.get_json()["comparable"], change.get_json()
    dossier = client.get(f"/v1/leads/{lead}/dossier", headers=key).get_json()
    assert dossier["comparable"]["deals"] == []
    listed = client.get("/v1/call-list", headers=key)
    assert listed.status_code == 200


def test_the_service_loads_it_where_its_settings_trust_it(
    scorer: Scorer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    tracking = Tracking(uri, model_name="leadtime")
    with tracking.run("test") as started:
        point(tracking, "champion", tracking.register(started, scorer.to_files(), tags={}))
    served = load("leadtime", "champion", uri, trusted=Settings(estimator={"class": CLASS}).estimator.trusts)
    assert served.scorer.digest() == scorer.digest()
    by_type = Settings(estimator={"trusted": ["weekly_hazard.WeeklyHazard"]}).estimator.trusts
    assert load("leadtime", "champion", uri, trusted=by_type).version == "own-1"
    with pytest.raises(BrokenModel, match=r"types that are trusted, got weekly_hazard\.WeeklyHazard.*set trusted"):
        load("leadtime", "champion", uri)
    monkeypatch.delitem(sys.modules, "weekly_hazard")
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(folder)])
    with pytest.raises(BrokenModel, match=r"No module named 'weekly_hazard'.*PYTHONPATH"):
        load("leadtime", "champion", uri, trusted=by_type)


def test_mlflow_opens_it_with_the_settings_at_hand(
    scorer: Scorer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Running
) -> None:
    from features.builder import build
    from model.manifest import MANIFEST, manifest
    from training.files import write_files as write

    files = scorer.to_files()
    write(tmp_path, {**files, MANIFEST: manifest(files)})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="types that are trusted"):
        pyfunc._load_pyfunc(str(tmp_path))
    monkeypatch.setenv("LEADTIME_ESTIMATOR__CLASS", CLASS)
    opened = pyfunc._load_pyfunc(str(tmp_path))
    history = service.store.history()
    asked = Requests(list(history.lead_ids[:3]), np.full(3, NOW - 40 * DAY))
    frame = build(history, asked, scorer.catalogue).assign(as_of="2026-09-22")
    assert opened.predict(frame).shape == (3, 6)
