"""Every method on every fold, each in a fresh process, so that its seconds and its memory are its own."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.kept import DONE, FAILED, LATE, Asked, Result, put, read

CHECKOUT = Path(__file__).resolve().parents[2]
LIMIT = 900.0  # seconds for one method on one fold


def run(
    datasets: Mapping[str, Callable[[], Iterator[Fold]]],
    methods: Sequence[str],
    keep: Path,
    *,
    limit: float = LIMIT,
    source: str = "benchmarks.prediction.methods",
) -> list[str]:
    """Everything on everything into ``keep``; the names of the datasets that gave no fold, because they are absent."""
    empty = []
    for place, (name, folds) in enumerate(datasets.items(), 1):
        with tempfile.TemporaryDirectory(prefix="leadtime-folds-") as temporary:
            _say(f"\n{name} (dataset {place} of {len(datasets)})")
            began = time.perf_counter()
            try:
                waiting = _waiting(folds, Path(temporary), keep)
            except ImportError as error:
                _say(f"  skipped: {error}; make bench-prediction installs what the benchmark needs")
                waiting = []
            if not waiting:
                empty.append(name)
                continue
            asked = sum(len(one.asked) for one in waiting)
            _say(f"  {len(waiting)} folds, {asked:,} rows asked, made in {time.perf_counter() - began:.0f} s")
            _dataset(waiting, methods, keep, limit=limit, source=source)
    return empty


@dataclass(frozen=True, eq=False)
class Waiting:
    """A fold as a file, and what it asks."""

    file: Path
    asked: Asked


def _waiting(folds: Callable[[], Iterator[Fold]], temporary: Path, keep: Path) -> list[Waiting]:
    """One fold in memory at a time."""
    found: list[Waiting] = []
    for fold in folds():
        asked, file = Asked.of(fold), temporary / f"{len(found)}.pkl"
        put(keep, asked)
        with file.open("wb") as stream:
            pickle.dump(fold, stream, protocol=pickle.HIGHEST_PROTOCOL)
        found.append(Waiting(file, asked))
    return found


def _dataset(waiting: Sequence[Waiting], methods: Sequence[str], keep: Path, *, limit: float, source: str) -> None:
    began, total = time.perf_counter(), len(waiting) * len(methods)
    tasks = [(one, method) for method in methods for one in waiting]
    for done, (one, method) in enumerate(tasks, 1):
        result = answer(one.file, one.asked, method, keep, limit=limit, source=source)
        told = f"{result.seconds:.1f} s, {result.peak_mb:.0f} MB" if result.status == DONE else result.status
        if result.message:
            told += f": {result.message}"
        left = (time.perf_counter() - began) / done * (total - done)
        _say(f"  [{done:3}/{total}, {_minutes(left)} left]  {one.asked.origin}  {method:<34} {told}")


def answer(fold_file: Path, asked: Asked, method: str, keep: Path, *, limit: float, source: str) -> Result:
    """What a method says in a process of its own. A failure, or too long a time, is a result too."""
    failed = Result(asked.dataset, asked.origin, method, asked.fingerprint, FAILED, "interrupted")
    place = put(keep, failed)  # an answer of an earlier run is gone, whatever happens now
    command = [sys.executable, "-m", "benchmarks.prediction.child", str(fold_file), method, str(keep), source]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        errors.seek(0)
        lines = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    if code == 0:
        found: Result = read(place)
        return found
    if code is None:
        failed = replace(failed, status=LATE, message=f"ended after {limit:g} s")
    elif code < 0:
        failed = replace(failed, message=f"ended by {signal.Signals(-code).name}")
    else:
        failed = replace(failed, message=lines[-1].strip()[:300] if lines else f"ended with {code}")
        place.with_suffix(".log").write_text("\n".join(lines), encoding="utf-8")
    failed = replace(failed, seconds=time.perf_counter() - began)
    put(keep, failed)
    return failed


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process and what it has started, unless it has ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
