"""The model in service comes from the MLflow registry and changes without a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from serving_world import NOW, World

from features.errors import InputError, ModelUnavailable
from features.lives import BOUGHT, GONE
from serving.registry import Registry, load

pytest_plugins = ("serving_fixtures",)


def test_without_a_tracking_store_it_says_what_to_type(tmp_path: Path) -> None:
    registry = Registry("leadtime", "champion", f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(ModelUnavailable, match="still being loaded"):
        registry.current()
    registry.refresh()
    with pytest.raises(ModelUnavailable, match=r"no model was trained yet.*python -m training\.train"):
        registry.current()
    assert not (tmp_path / "none.db").exists(), "asking makes no database"


def test_a_new_version_is_taken_over_and_a_broken_one_is_not(registered: str, world: World) -> None:
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
    tracking.promote(good, "contender")
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
    ):
        tracking.promote(register(broken), "contender")
        registry.refresh()
        assert registry.current() is first, "the old one goes on serving"
    better = register(world.scorer.to_files())
    tracking.promote(better, "contender")
    registry.refresh()
    assert registry.current().registered == better


def test_files_that_were_changed_after_training_are_refused(world: World, tmp_path: Path) -> None:
    from model.manifest import MANIFEST, manifest
    from training.tracking import Tracking

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracking = Tracking(uri, model_name="leadtime")
    with tracking.run("test") as run:
        tracking.promote(tracking.register(run, world.scorer.to_files(), tags={}), "champion")
    assert load("leadtime", "champion", uri).version == "7"
    (purchase,) = tmp_path.rglob("scorer/purchase.txt")
    purchase.write_bytes(purchase.read_bytes().replace(b"tree", b"Tree", 1))
    with pytest.raises(InputError, match=r"purchase.txt.*another content"):
        load("leadtime", "champion", uri)
    ours = {
        path.name: path.read_bytes() for path in purchase.parent.iterdir() if path.name not in (MANIFEST, "MLmodel")
    }
    (purchase.parent / MANIFEST).write_bytes(manifest(ours))
    with pytest.raises(InputError, match="that was registered"):
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
    assert asked
    assert set(asked) == {1}


def test_a_tracking_store_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("this is no database")
    with pytest.raises(ModelUnavailable, match="can be loaded"):
        load("leadtime", "champion", f"sqlite:///{file}")
