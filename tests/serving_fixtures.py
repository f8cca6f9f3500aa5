"""What the tests of the service share: a simulated market in a real store, and a scorer trained on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registry_alias import point
from serving_world import END, NOW, FixedModel, Running, World, run

from features import simulate
from features.catalogue import expand
from features.events import DAY
from features.lives import GONE, OPEN, lead_lives
from features.settings import Settings
from features.store import Store
from features.tables import read_tables
from model import cross_fit
from model.examples import calendar_split
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
from serving.registry import Served


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    assert simulate.main([str(folder / "tables"), "--leads", "600", "--seed", "3", "--days", "300", "--end", END]) == 0
    tables = read_tables(folder / "tables", now=NOW)
    file = folder / "leadtime.db"
    url = f"sqlite:///{file}"
    with Store.open(url, migrate=True) as store:
        store.append(tables.events)
        history = store.history()
    split = calendar_split(history, known_by=NOW, longest=90)
    catalogue = expand(history, split.test_since)
    with pytest.MonkeyPatch.context() as patch:  # the service is tested here, not the model
        patch.setattr(cross_fit, "_REPEATS", 1)
        patch.setattr(cross_fit, "_RIDGES", (30.0,))
        scorer = fit_scorer(
            split.train(history, per_lead=4).with_features(history, catalogue),
            split.calibrate(history).with_features(history, catalogue),
            catalogue,
            horizons=(7, 30, 90),
            costs=Settings().costs,
            version="7",
            hazard=PurchaseHazard((7, 30, 90), max_trees=20, max_rows=10_000, n_jobs=1),
        )
    lives = lead_lives(history, NOW)
    # open since a while, so that a month ago there was something to score
    old = lives.entered_at < NOW - 60 * DAY
    pick = {code: history.lead_ids[int(((lives.outcome == code) & old).nonzero()[0][0])] for code in (OPEN, GONE)}
    return World(url, file, scorer, pick[OPEN], pick[GONE])


@pytest.fixture(scope="session")
def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service over the world. Tests that write to the log use ``own_service``."""
    running = run(copy_of(world, tmp_path_factory.mktemp("service")), FixedModel(Served(world.scorer, "7")))
    yield running
    running.store.close()


@pytest.fixture
def own_service(world: World, tmp_path: Path) -> Iterator[Running]:
    running = run(copy_of(world, tmp_path), FixedModel(Served(world.scorer, "7")))
    yield running
    running.store.close()


@pytest.fixture
def empty_service(world: World, tmp_path: Path) -> Iterator[Running]:
    """A model but no lead."""
    running = run(f"sqlite:///{tmp_path}/empty.db", FixedModel(Served(world.scorer, "7")))
    yield running
    running.store.close()


@pytest.fixture(scope="session")
def registered(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tracking store in which the scorer holds the alias champion: its address."""
    from training.tracking import Tracking  # mlflow takes seconds to import, and few tests need it

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    tracking = Tracking(uri, model_name="leadtime")
    with tracking.run("test") as started:
        version = tracking.register(started, world.scorer.to_files(), tags={})
    point(tracking, "champion", version)
    return uri


@pytest.fixture
def get(service: Running) -> Callable[..., tuple[int, dict[str, object]]]:
    """GET a path with the key: status and JSON."""

    def ask(path: str, **query: object) -> tuple[int, dict[str, object]]:
        answer = service.client.get(path, query_string=query, headers=service.key)
        return answer.status_code, answer.get_json()

    return ask


@pytest.fixture
def post(service: Running) -> Callable[..., tuple[int, dict[str, object]]]:
    """POST JSON with the key: status and JSON."""

    def ask(path: str, body: object) -> tuple[int, dict[str, object]]:
        answer = service.client.post(path, json=body, headers=service.key)
        return answer.status_code, answer.get_json()

    return ask


def copy_of(world: World, folder: Path) -> str:
    copy = folder / "leadtime.db"
    shutil.copy(world.file, copy)
    return f"sqlite:///{copy}"
