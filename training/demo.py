"""`make demo`: sample data, load, train, serve. Everything it makes lies under var/demo.

A second run finds what the first one made and goes on from there; removing var/demo starts anew.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from features.errors import InputError, LeadtimeError
from features.settings import Settings, load_settings

FOLDER = Path("var/demo")
LEADS = 5_000
STALE_DAYS = 7


def check_port(host: str, port: int, *, purpose: str, setting: str) -> None:
    """InputError when something else already listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                where=f"{purpose} at {host}:{port}",
                expected="a free port",
                got=error.strerror or str(error),
                remedy=f"Stop what listens there, or choose another port: make demo {setting}={port + 1}",
            ) from None


def environment(settings: Settings) -> dict[str, str]:
    """The environment of every step: the demo's own database and tracking store, away from yours."""
    return {
        **os.environ,
        "LEADTIME_DATABASE_URL": f"sqlite:///{FOLDER}/leadtime.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{FOLDER}/mlflow.db",
        "LEADTIME_HOST": settings.host,
        "LEADTIME_PORT": str(settings.port),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "PYTHONUNBUFFERED": "1",
    }


def step(title: str, module: str, *arguments: str, env: dict[str, str]) -> None:
    """Run one job to its end; LeadtimeError when it fails."""
    say(title, f"python -m {module} {' '.join(arguments)}")
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=env, check=False)
    if done.returncode:
        raise LeadtimeError(f"python -m {module} ended with exit code {done.returncode}; its message stands above")


def answer(module: str, *arguments: str, env: dict[str, str]) -> str:
    """What a short command prints; LeadtimeError when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=env, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise LeadtimeError(f"python -m {module} ended with exit code {done.returncode}; its message stands above")
    return done.stdout.strip()


def say(title: str, detail: str = "") -> None:
    print(f"\n==> {title}" + (f"\n    {detail}" if detail else ""), flush=True)


def sample_data(env: dict[str, str], today: date) -> Path:
    """The simulated tables: made once, ending on the day they were made."""
    tables, stamp = FOLDER / "tables", FOLDER / "tables-end"
    if stamp.exists():
        age = (today - date.fromisoformat(stamp.read_text().strip())).days
        say(f"sample data: found in {tables}")
        if age > STALE_DAYS:
            print(f"    It ends {age} days ago, so most open leads look stale. For fresh data: rm -r {FOLDER}")
        return tables
    arguments = (str(tables), "--leads", str(LEADS), "--seed", "1", "--end", today.isoformat())
    step(f"sample data: {LEADS} simulated buyer journeys", "features.simulate", *arguments, env=env)
    stamp.write_text(today.isoformat())
    return tables


def train(env: dict[str, str]) -> None:
    trained = FOLDER / "trained"
    if trained.exists():
        say("model: found, promoted by an earlier run")
        return
    step("train, log to MLflow, register", "training.train", "--no-hints", "--no-learning-curve", env=env)
    trained.touch()


def demo_key(env: dict[str, str]) -> str:
    """The API key of the demo: created once, kept in a file that only its owner can read."""
    kept = FOLDER / "api-key"
    if not kept.exists():
        made = answer("serving.keys", "create", "--name", "demo", "--quiet", env=env)
        kept.touch(mode=0o600)
        kept.write_text(made + "\n")
    return kept.read_text().strip()


def sign_in_link(env: dict[str, str]) -> str:
    return answer("serving.keys", "link", env=env)


def wait_until_ready(url: str, server: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Until GET url answers 200; LeadtimeError when the server ends or takes too long."""
    limit, last = time.monotonic() + seconds, "no answer"
    while time.monotonic() < limit:
        if server.poll() is not None:
            raise LeadtimeError(f"the server of {url} ended with exit code {server.returncode} before it was ready")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own http address
                return
        except urllib.error.HTTPError as error:  # it is there, but not ready
            last = error.read(500).decode(errors="replace").strip() or str(error)
        except OSError as error:
            last = str(error)
        time.sleep(0.2)
    raise LeadtimeError(f"{url} was not ready within {seconds:.0f} s; the last answer: {last}")


def closing_words(settings: Settings, key: str, link: str) -> str:
    base = f"http://{settings.host}:{settings.port}"
    return f"""
------------------------------------------------------------------------------
leadtime is running. Ctrl-C stops it; `make demo` starts it again.

  Call list            {link}
  API documentation    {base}/docs
  MLflow UI            http://{settings.host}:{settings.mlflow_port}

Next, in another terminal:

  curl -H "Authorization: Bearer {key}" "{base}/v1/call-list?limit=3"
  make test
  .venv/bin/python -m features.load DIR      # your own data, apart from the demo's: README.md, seven steps
------------------------------------------------------------------------------"""


def serve(settings: Settings, env: dict[str, str]) -> int:
    """Service and MLflow UI until Ctrl-C, SIGTERM or the end of the service."""
    key, link = demo_key(env), sign_in_link(env)
    say("serve", "python -m serving, and the MLflow UI beside it")
    # in sessions of their own: Ctrl-C reaches the demo alone, which then stops each of them once
    log = FOLDER / "service.log"  # a line for each request would bury the closing words
    with log.open("ab") as lines:
        service = subprocess.Popen([sys.executable, "-m", "serving"], env=env, stderr=lines, start_new_session=True)
    # its job runners, three more processes, serve features that the demo does not use
    tracking_env = {**env, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    tracking = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", env["MLFLOW_TRACKING_URI"], "--workers", "1",
         "--host", settings.host, "--port", str(settings.mlflow_port)],
        env=tracking_env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print(f"    its log is {log}", flush=True)
        wait_until_ready(f"http://{settings.host}:{settings.port}/readyz", service)
        wait_until_ready(f"http://{settings.host}:{settings.mlflow_port}/health", tracking)
        print(closing_words(settings, key, link), flush=True)
        return service.wait()
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
        return 0
    finally:
        stop(service, tracking)


def stop(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def main(argv: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m training.demo",
        description="What `make demo` does: sample data, load, train, serve. Its ports are the settings LEADTIME_PORT "
        "and LEADTIME_MLFLOW_PORT.",
    ).parse_args(argv)
    started = time.monotonic()
    try:
        settings = load_settings()
        check_port(settings.host, settings.port, purpose="the service", setting="LEADTIME_PORT")
        check_port(settings.host, settings.mlflow_port, purpose="the MLflow UI", setting="LEADTIME_MLFLOW_PORT")
        env = environment(settings)
        FOLDER.mkdir(parents=True, exist_ok=True)
        tables = sample_data(env, datetime.now(UTC).date())
        step("load it into the log", "features.load", str(tables), "--no-hints", env=env)
        train(env)
        print(f"\n    set up in {time.monotonic() - started:.0f} s", flush=True)
        return serve(settings, env)
    except LeadtimeError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # the folder of the demo cannot be written
        print(f"demo: {FOLDER}: expected a folder to write to, got: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
