"""The files that deploy the service are well formed, and name what is there. Images are not built here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from features.settings import Settings

ROOT = Path(__file__).parent.parent
SETTINGS = {f"LEADTIME_{name.upper()}" for name in Settings.model_fields}


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, without comments, continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_the_image_is_built_from_locked_packages_and_runs_as_nobody() -> None:
    found = instructions()
    stages = [text for name, text in found if name == "FROM"]
    assert len(stages) == 2
    assert all(re.search(r":\d+\.\d+", stage) for stage in stages), "no floating version"
    # without --no-deps pip refuses the lock: an extra that a package asks for is not pinned under that name
    assert any("--no-deps --require-hashes" in text for name, text in found if name == "RUN")
    assert [text for name, text in found if name == "USER"] == ["10001"]
    assert [name for name, _ in found][-1] == "CMD"
    assert any("/healthz" in text for name, text in found if name == "HEALTHCHECK")
    known = {"FROM", "COPY", "RUN", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
    assert {name for name, _ in found} <= known


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = [text.split()[0] for name, text in instructions() if name == "COPY" and not text.startswith("--from")]
    assert set(copied) == allowed
    assert all((ROOT / path).exists() for path in copied)
    packages = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"benchmarks", "tests"}
    assert packages <= set(copied)


def test_every_locked_package_has_hashes() -> None:
    text = (ROOT / "requirements" / "runtime.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        assert line.startswith("#") or not line.strip() or "--hash=sha256:" in line, line


def test_compose_hangs_together() -> None:
    found = compose()
    services, volumes, networks = found["services"], found["volumes"], found["networks"]
    assert set(services) == {"leadtime", "postgres", "mlflow"}
    for name, service in services.items():
        assert "healthcheck" in service or "build" in service, name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in volumes or (ROOT / source).exists(), volume
        assert set(service["networks"]) <= set(networks)
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("secrets", [])) <= set(found["secrets"])
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "nothing listens to the world by default"
    assert [name for name, service in services.items() if "ports" in service] == ["leadtime"]
    assert networks["inside"]["internal"]
    assert services["mlflow"]["networks"] == ["inside"], "it asks nobody who they are"
    for name in services["leadtime"]["environment"]:
        assert name in SETTINGS | {"MLFLOW_TRACKING_URI", "LEADTIME_DATABASE_HOST"}, name
    assert "password" not in str(services).lower().replace("postgres_password_file", "")


def test_the_password_is_read_from_the_secret(tmp_path: Path) -> None:
    script = (ROOT / "deploy" / "with-database").read_text().replace("/run/secrets", str(tmp_path))
    (tmp_path / "postgres").write_text("s3cret\n")
    done = subprocess.run(
        ["/bin/sh", "-c", script, "with-database", "/bin/sh", "-c", "echo $LEADTIME_DATABASE_URL"],
        env={"LEADTIME_DATABASE_HOST": "db", "PATH": "/bin:/usr/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "postgresql://leadtime:s3cret@db/leadtime"


UNITS = {"leadtime": "serving", "leadtime-train": "training.train --no-hints", "leadtime-monitor": "training.monitor"}
JOBS = [name for name in UNITS if name != "leadtime"]


def unit(name: str) -> list[str]:
    lines = (ROOT / "deploy" / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path, name: str) -> None:
    assert f"ExecStart=/opt/leadtime/.venv/bin/python -m {UNITS[name]}" in unit(f"{name}.service")
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd here")
    files = [path for path in (ROOT / "deploy").glob(f"{name}.*") if path.suffix in (".service", ".timer")]
    for path in files:
        text = path.read_text().replace("/opt/leadtime/.venv/bin/python", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--recursive-errors=no", *(str(tmp_path / path.name) for path in files)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert name not in done.stderr, done.stderr


@pytest.mark.parametrize("name", JOBS)
def test_jobs_are_as_confined_as_the_service(name: str) -> None:
    service, job = unit("leadtime.service"), unit(f"{name}.service")
    confined = service[service.index("CapabilityBoundingSet=") : service.index("[Install]")]
    assert set(confined) <= set(job)
    for line in service:
        if line.startswith(("User=", "Group=", "EnvironmentFile=", "StateDirectory=", "UMask=")):
            assert line in job, line
    assert "Type=oneshot" in job


@pytest.mark.parametrize("name", JOBS)
def test_a_timer_starts_each_job_every_night(name: str) -> None:
    timer = unit(f"{name}.timer")
    assert any(line.startswith("OnCalendar=*-*-* ") for line in timer)
    assert {"Persistent=true", "WantedBy=timers.target"} <= set(timer)


def test_the_watch_looks_before_the_model_is_replaced() -> None:
    at = [next(line for line in unit(f"{name}.timer") if line.startswith("OnCalendar")) for name in JOBS]
    assert at[1] < at[0]
    assert any("leadtime-monitor.service" in line for line in unit("leadtime-train.service") if "After=" in line)
