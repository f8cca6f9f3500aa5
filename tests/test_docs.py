"""What the documents name is there: commands, tasks, files, settings, columns."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from features.settings import Settings
from features.store.schema import api_keys, secrets
from features.tables.columns import LAYOUTS
from serving.answers import score_model

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@each
def test_every_link_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (document.parent / target).exists(), target


@each
def test_every_command_can_be_run(document: Path) -> None:
    for module in re.findall(r"python -m ([a-z_][\w.]*)", document.read_text(encoding="utf-8")):
        found = importlib.util.find_spec(module)
        assert found is not None, module
        assert found.submodule_search_locations is None or importlib.util.find_spec(f"{module}.__main__"), module


@each
def test_every_task_is_one_of_make(document: Path) -> None:
    tasks = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(
        re.findall(r"`make ([a-z][\w-]*)|^ {4}make ([a-z][\w-]*)", document.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {one or other for one, other in named} <= tasks


@each
def test_every_setting_exists(document: Path) -> None:
    known = {f"LEADTIME_{name.upper()}" for name in Settings.model_fields}
    named = re.findall(r"LEADTIME_[A-Z_]+", document.read_text(encoding="utf-8"))
    assert {name.split("__")[0] for name in named} - {"LEADTIME_DATA"} <= known


@each
def test_every_decision_that_is_named_is_recorded(document: Path) -> None:
    for name in re.findall(r"adr/(\d{4}[\w-]*\.md)", document.read_text(encoding="utf-8")):
        assert (ROOT / "docs" / "adr" / name).is_file(), name


def test_decisions_are_numbered_in_a_row() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    for number, record in enumerate(records, 1):
        assert record.name.startswith(f"{number:04d}-")
        assert record.read_text(encoding="utf-8").startswith(f"# {number}. ")


def test_code_names_decisions_that_are_recorded() -> None:
    for room in ("features", "model", "training", "serving", "benchmarks"):
        for module in (ROOT / room).rglob("*.py"):
            for name in re.findall(r"docs/adr/[\w-]+\.md", module.read_text(encoding="utf-8")):
                assert (ROOT / name).is_file(), f"{module}: {name}"


def test_every_column_of_the_tables_is_described() -> None:
    text = (ROOT / "docs" / "interchange-tables.md").read_text(encoding="utf-8")
    columns = text.partition("## What is refused")[0]
    described = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.*?) \|", columns, re.MULTILINE)}
    for table, layout in LAYOUTS.items():
        for name in layout.required:
            assert f"`{name}*`" in described[table], f"{table}: {name}"
    for name in score_model((7, 30)).model_fields:
        if name in ("status", "reason", "curve", "error", "merged_into"):  # of the API alone
            continue
        assert f"`{re.sub(r'_(7|30)$', '_<h>', name)}`" in text, name


def test_tables_that_decisions_speak_of_have_their_names() -> None:
    text = (ROOT / "docs" / "adr" / "0007-the-signing-secret-lies-in-the-database.md").read_text(encoding="utf-8")
    assert f"`{secrets.name}`" in text
    assert "hash" in api_keys.c
