"""One method on one fold in a process of its own: ``python -m benchmarks.prediction.child FOLD METHOD KEEP``."""

from __future__ import annotations

import importlib
import pickle
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.kept import NOT_APPLICABLE, Asked, Result, put

NOT_FOR_THIS = ("NotApplicable", "NotHere")  # what a method raises that a dataset cannot have


def main(fold_file: str, method: str, keep: str, source: str) -> int:
    """``source``: the module whose METHODS knows the method."""
    answer_with = importlib.import_module(source).METHODS[method]
    with Path(fold_file).open("rb") as stream:
        fold: Fold = pickle.load(stream)
    asked = Asked.of(fold)
    forget_peak()
    held, began = peak_megabytes(), time.perf_counter()
    try:
        answer = answer_with(fold)
    except Exception as error:
        if type(error).__name__ not in NOT_FOR_THIS:
            raise
        put(Path(keep), Result(fold.dataset, fold.origin, method, asked.fingerprint, NOT_APPLICABLE, str(error)))
        return 0
    seconds, peak = time.perf_counter() - began, peak_megabytes() - held
    put(Path(keep), Result.of(asked, method, answer, seconds=seconds, peak_mb=peak))
    return 0


def peak_megabytes() -> float:
    """The most memory held so far. Of this program alone: ru_maxrss also remembers the one that started it."""
    with suppress(OSError):  # not Linux
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Let the peak begin at what is held now (Linux): reading the fold held parts of it twice."""
    with suppress(OSError):  # the peak then begins at that of reading the fold
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
