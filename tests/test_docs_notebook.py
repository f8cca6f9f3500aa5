"""The notebook runs, and what is committed of it was run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FILE = Path(__file__).resolve().parents[1] / "docs" / "explore-a-model.ipynb"


def read() -> Any:
    return nbformat.read(FILE, as_version=4)


def images(notebook: Any) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_it_runs_on_simulated_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/no-model.db")
    monkeypatch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{tmp_path}/no-log.db")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    notebook = read()
    # from docs/, where an editor starts it
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FILE.parent)}}).execute()
    assert images(notebook) == images(read()) == 6
    told = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"]
    assert not told
    assert list(tmp_path.iterdir()) == []  # nothing is made where there is no model


def test_what_is_committed_was_run_and_is_small() -> None:
    code = [cell for cell in read().cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert FILE.stat().st_size < 300_000
    assert "/tmp" not in FILE.read_text(encoding="utf-8")
