"""What a training leaves in MLflow for data scientists: metrics, folds, datasets, a signed model, a report."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import mlflow.data
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.models import Model

from features import simulate
from features.errors import InputError
from model import cross_fit, fit_scorer
from model.hazard import PurchaseHazard
from model.scorer import Scorer
from training import train
from training.pyfunc import FeatureScorer
from training.tracking import Tracking

END = "2026-11-01"
FOLDS = 2
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "mlflow.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tracking database in which one small model was trained, with folds."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{folder}/log.db")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("LEADTIME_HORIZONS", "7,30")
        # what is left in MLflow is tested here, not the model: a few trees of a few members will do
        patch.setattr(fit_scorer, "PurchaseHazard", partial(PurchaseHazard, max_trees=15, max_rows=10_000))
        patch.setattr(cross_fit, "_REPEATS", 1)
        patch.setattr(cross_fit, "_RIDGES", (30.0,))
        assert simulate.main(["sample", "--leads", "400", "--seed", "3", "--end", END]) == 0
        given = ["--data", "sample", "--as-known-at", END, "--folds", str(FOLDS), "--no-learning-curve", "--no-hints"]
        assert train.main(given) == 0
    return folder


@pytest.fixture(scope="module")
def tracking(place: Path) -> Tracking:
    return Tracking(f"sqlite:///{place}/mlflow.db", model_name="leadtime")


@pytest.fixture(scope="module")
def run(tracking: Tracking) -> Run:
    return tracking.client.get_run(tracking.client.get_model_version("leadtime", "1").run_id)


@pytest.fixture(scope="module")
def model_folder(run: Run) -> Path:
    return Path(run.info.artifact_uri.removeprefix("file://")) / "scorer"


@pytest.fixture(scope="module")
def page(run: Run) -> str:
    return (Path(run.info.artifact_uri.removeprefix("file://")) / "report.html").read_text(encoding="utf-8")


def test_every_metric_is_explained_with_its_unit(run: Run) -> None:
    table = re.findall(r"^\| (`.*?) \| ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    explained = {name for cell in table for name in re.findall(r"`([^`]+)`", cell)}
    assert {re.sub(r"_\d+(?=_|$)", "_<h>", name) for name in run.data.metrics} <= explained


def test_intervals_lie_around_their_figures(run: Run) -> None:
    found = run.data.metrics
    with_interval = [name.removesuffix("_low") for name in found if name.endswith("_low")]
    assert {"skill", "auc_7", "auc_30", "timing_cost", "skill_folds"} <= set(with_interval)
    for name in with_interval:
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]


def test_folds_are_children_in_order_of_time_and_their_mean_is_the_parents(tracking: Tracking, run: Run) -> None:
    found = tracking.client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'", order_by=["params.fold"]
    )
    assert [child.data.tags["kind"] for child in found] == ["fold"] * FOLDS
    assert all(child.info.status == "FINISHED" for child in found)
    assert found[0].data.params["test_until"] == found[1].data.params["test_since"]
    assert all(child.data.params["known_by"] <= child.data.params["test_since"] for child in found)
    assert np.mean([child.data.metrics["skill"] for child in found]) == pytest.approx(run.data.metrics["skill_folds"])


def test_datasets_say_what_was_learned_from_and_measured_on(run: Run) -> None:
    found = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert set(found) == {"train", "calibrate", "test"}
    assert len({dataset.digest for dataset in found.values()}) == 3
    for dataset in found.values():
        profile = json.loads(dataset.profile)
        assert profile["purchased"] + profile["lost"] + profile["censored"] == profile["num_rows"] > 0
        assert profile["as_of_until"] < profile["labels_known_by"]
        columns = {column["name"] for column in json.loads(dataset.schema)["mlflow_colspec"]}
        assert {"age_days", "as_of", "outcome", "duration"} <= columns
        tags = mlflow.data.get_source(dataset).to_dict()["tags"]
        assert tags["read_from"] == "sample"
        assert "sqlite" not in dataset.source
    profiles = {context: json.loads(dataset.profile) for context, dataset in found.items()}
    assert profiles["train"]["labels_known_by"] <= profiles["test"]["as_of_since"]


IN_A_FRESH_PROCESS = """
import json, sys
import mlflow, mlflow.pyfunc
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server
model = mlflow.pyfunc.load_model("models:/leadtime/1")
example = model.input_example
found = {"frame": model.predict(example).to_dict("list"), "rows": len(example)}
shuffled = example[list(example.columns)[::-1]].assign(unknown=1.0)
found["shuffled"] = model.predict(shuffled).to_dict("list")
try:
    model.predict(example.drop(columns=["age_days", "as_of"]))
except MlflowException as error:
    found["refused"] = str(error)
try:
    model.predict(example.assign(age_days="old"))
except MlflowException as error:
    found["wrong_type"] = str(error)
body = open(sys.argv[1]).read()
answer = scoring_server.invocations(body, "application/json", model, model.metadata.get_input_schema())
found["served"] = json.loads(answer.response)["predictions"]
print("FOUND" + json.dumps(found))
"""


def test_a_fresh_process_scores_the_example_and_holds_to_the_signature(place: Path, model_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS, str(model_folder / "serving_input_example.json")],
        capture_output=True,
        text=True,
        cwd=place,
        env=os.environ
        | {"PYTHONPATH": str(DOCUMENT.parents[1]), "MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.partition("FOUND")[2])
    assert found["rows"] == 5
    assert list(found["frame"]) == ["p_7", "p_30", "p_lost_7", "p_lost_30"]
    assert found["shuffled"] == found["frame"]
    assert "age_days" in found["refused"]
    assert "as_of" in found["refused"]
    assert "age_days" in found["wrong_type"]
    served = pd.DataFrame(found["served"])
    assert np.allclose(served[list(found["frame"])], pd.DataFrame(found["frame"]), atol=1e-6)


def test_the_signature_names_every_feature_and_answer(tracking: Tracking, model_folder: Path) -> None:
    scorer = Scorer.from_files(tracking.load("1"))
    signature = Model.load(str(model_folder)).signature
    assert signature.inputs.input_names() == [*scorer.catalogue.names, "as_of"]
    assert signature.outputs.input_names() == ["p_7", "p_30", "p_lost_7", "p_lost_30"]
    kinds = dict(zip(signature.inputs.input_names(), signature.inputs.input_types(), strict=True))
    texts = {name for name, kind in kinds.items() if kind.name == "string"}
    assert texts == {*scorer.catalogue.category_dtypes, "as_of"}


def test_what_is_missing_is_named_without_a_signature_too(tracking: Tracking, model_folder: Path) -> None:
    split = json.loads((model_folder / "input_example.json").read_text())
    example = pd.DataFrame(split["data"], columns=split["columns"])
    scorer = FeatureScorer(Scorer.from_files(tracking.load("1")))
    assert len(scorer.predict(example)) == len(example)
    with pytest.raises(InputError, match=r"no column 'age_days'.*signature"):
        scorer.predict(example.drop(columns="age_days"))
    with pytest.raises(InputError, match=r"and [0-9]+ more"):
        scorer.predict(example[["as_of"]])


class Outline(HTMLParser):
    """What the page consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def count(self, name: str) -> int:
        return len(self.of(name))


def test_the_report_asks_nothing_of_the_network(page: str) -> None:
    outline = Outline(page)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in outline.tags}
    for _, attributes in outline.tags:
        assert not {"src", "srcset", "data", "xlink:href"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in page
    assert "@import" not in page


def test_the_report_can_be_read_by_ear_and_by_keyboard(page: str) -> None:
    outline = Outline(page)
    assert outline.of("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert outline.count("svg") > 5
    assert all(svg["role"] == "img" and len(svg["aria-label"] or "") > 20 for svg in outline.of("svg"))
    assert outline.count("figcaption") == outline.count("figure") > 5
    assert outline.count("caption") == outline.count("table") > 5
    assert all("scope" in cell for cell in outline.of("th"))
    places = {attributes["id"] for _, attributes in outline.tags if "id" in attributes}
    assert {str(link["href"]).removeprefix("#") for link in outline.of("a")} <= places
    assert len(places) == sum("id" in attributes for _, attributes in outline.tags)


def test_the_report_says_what_mlflow_says(page: str, run: Run) -> None:
    found = run.data.metrics
    plain = page.replace("\u202f", " ").replace("\u2212", "-")
    assert f"{100 * found['skill']:.1f} %" in plain
    assert f"{found['ibs']:.4f}" in plain
    assert f"{found['timing_cost']:.2f}" in plain
    assert f"{100 * found['skill_folds']:.1f} %" in plain
    assert run.info.run_name in plain
    for title in ("Calibration", "Purchase windows", "Timing cost", "Drift", "Rolling-origin folds", "What went in"):
        assert f">{title}" in plain
