"""The model in service comes from the MLflow registry and changes without a restart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import orjson
import pytest
from registry_alias import point
from serving_world import NOW, World, run

from features.business_settings import Costs
from features.errors import ModelUnavailable
from features.lives import BOUGHT, GONE
from model.decision import CallCosts
from model.likeness import leaves
from model.scorer import Scorer
from serving.registry import BrokenModel, Registry, load

pytest_plugins = ("serving_fixtures",)


def test_without_a_tracking_store_it_says_what_to_type(tmp_path: Path) -> None:
    registry = Registry("leadtime", "champion", f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(ModelUnavailable, match="still being loaded"):
        registry.current()
    registry.refresh()
    with pytest.raises(ModelUnavailable, match=r"no model was trained yet.*python -m training\.train"):
        registry.current()
    assert not (tmp_path / "none.db").exists(), "asking makes no database"


def test_a_new_version_is_taken_over_and_a_broken_one_is_not(
    registered: str, world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.tracking import Tracking

    tracking = Tracking(registered, model_name="leadtime")

    def register(files: dict[str, bytes]) -> str:
        with tracking.run("test") as run:
            return tracking.register(run, files, tags={})

    registry = Registry("leadtime", "contender", registered)
    registry.refresh()
    with pytest.raises(ModelUnavailable, match="alias 'contender'"):
        registry.current()
    good = register(world.scorer.to_files())
    point(tracking, "contender", good)
    registry.refresh()
    first = registry.current()
    assert (first.registered, first.version) == (good, "7")
    assert first.scorer.digest() == world.scorer.digest()
    registry.refresh()
    assert registry.current() is first, "not loaded again"
    files = world.scorer.to_files()
    for broken in (
        {"scorer.json": b"{}", "catalogue.json": b"{}"},
        {**files, "purchase.txt": files["purchase.txt"][:9000]},
        {**files, "scorer.json": _with_digest(files, {"purchase.txt": b"tree\nversion=v4\nthis is no tree\n"})},
        {"scorer.json": _with_changed(files, "readiness", {"chance": [0.0], "rank": "high"}), **_without_scorer(files)},
    ):
        number = register(broken)
        point(tracking, "contender", number)
        registry.refresh()
        assert registry.current() is first, "the old one goes on serving"
        assert f"model number {number} in the registry is refused" in registry.refused
        assert registry.refused in caplog.text
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr("mlflow.artifacts.download_artifacts", None)  # it is not even fetched again
            registry.refresh()
        assert caplog.text == "", "said once"
    better = register(world.scorer.to_files())
    point(tracking, "contender", better)
    registry.refresh()
    assert registry.current().registered == better
    assert registry.refused is None


def test_a_model_decides_by_the_costs_of_the_settings(registered: str, world: World) -> None:
    costs = Costs(late=500, missed_days=3)
    registry = Registry("leadtime", "champion", registered, costs=costs)
    registry.refresh()
    served = registry.current()
    assert served.scorer.costs == CallCosts.of(costs) != world.scorer.costs
    trained = load("leadtime", "champion", registered)
    assert trained.scorer.digest() == world.scorer.digest()
    assert (served.version, served.registered) == (trained.version, trained.registered)
    assert served.key != trained.key


def _without_scorer(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name != "scorer.json"}


def _with_changed(files: dict[str, bytes], name: str, value: object) -> bytes:
    return orjson.dumps({**orjson.loads(files["scorer.json"]), name: value})


def _with_digest(files: dict[str, bytes], others: dict[str, bytes]) -> bytes:
    """The scorer's JSON with the digests of other files, so that these are taken for what was written."""
    digests = orjson.loads(files["scorer.json"])["sha256"]
    digests |= {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    return _with_changed(files, "sha256", digests)


def test_a_model_that_answers_no_probabilities_is_refused(
    registered: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = Scorer.score_columns

    def broken(self: Scorer, *given: object, **named: object) -> dict[str, object]:
        return {**columns(self, *given, **named), "p_30": np.array([np.nan])}

    monkeypatch.setattr(Scorer, "score_columns", broken)
    registry = Registry("leadtime", "champion", registered)
    registry.refresh()
    with pytest.raises(ModelUnavailable, match=r"refused: model: expected probabilities from 0 to 1, got .*nan"):
        registry.current()


def test_a_refused_version_can_be_seen_while_the_old_one_serves(registered: str, world: World, tmp_path: Path) -> None:
    registry = Registry("leadtime", "champion", registered)
    registry.refresh()
    running = run(f"sqlite:///{tmp_path}/empty.db", registry)
    assert "refused" not in running.client.get("/readyz").json["checks"]["model"]
    registry._broken = BrokenModel("9", "no model")
    answer = running.client.get("/readyz")
    assert answer.status_code == 200
    assert (
        "a newer one is refused: model number 9 in the registry is refused: no model" in answer.json["checks"]["model"]
    )
    running.store.close()


def test_files_that_were_changed_after_training_are_refused(world: World, tmp_path: Path) -> None:
    from model.manifest import MANIFEST, manifest
    from training.tracking import Tracking

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracking = Tracking(uri, model_name="leadtime")
    with tracking.run("test") as run:
        point(tracking, "champion", tracking.register(run, world.scorer.to_files(), tags={}))
    assert load("leadtime", "champion", uri).version == "7"
    (purchase,) = tmp_path.rglob("scorer/purchase.txt")
    purchase.write_bytes(purchase.read_bytes().replace(b"tree", b"Tree", 1))
    with pytest.raises(BrokenModel, match=r"purchase.txt.*another content"):
        load("leadtime", "champion", uri)
    ours = {
        path.name: path.read_bytes() for path in purchase.parent.iterdir() if path.name not in (MANIFEST, "MLmodel")
    }
    (purchase.parent / MANIFEST).write_bytes(manifest(ours))
    with pytest.raises(BrokenModel, match="that was registered"):
        load("leadtime", "champion", uri)


def test_every_prediction_in_service_uses_one_thread(registered: str) -> None:
    """LightGBM keeps the number for the process: requests with different ones at the same time crash it."""
    scorer = load("leadtime", "champion", registered).scorer
    asked: list[int] = []
    for ending in (BOUGHT, GONE):
        booster = scorer.hazard.booster(ending)
        if booster is not None:
            predict = booster.predict
            booster.predict = lambda *args, predict=predict, **options: (  # type: ignore[method-assign]
                asked.append(options["num_threads"]) or predict(*args, **options)
            )
    for n in (1, 200):
        matrix = np.full((n, len(scorer.catalogue.features)), np.nan)
        scorer.score_columns(["x"] * n, np.full(n, NOW), matrix)
    assert asked == [], "scores and reasons walk the trees without LightGBM"
    leaves(scorer.hazard, matrix, np.full(n, NOW), scorer.ready_horizon)
    assert asked == [1]


def test_a_tracking_store_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("this is no database")
    with pytest.raises(ModelUnavailable, match="can be loaded"):
        load("leadtime", "champion", f"sqlite:///{file}")
