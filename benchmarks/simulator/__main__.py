"""``python -m benchmarks.simulator``: seconds, peak memory and size on disk of simulations, each in its own process."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

DEFAULT_SIZES = (5_000, 100_000)


def measure(leads: int, out: Path) -> tuple[float, float, float]:
    """Seconds (start-up included), peak resident memory in MB and MB written, of one run of the command."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "features.simulate", str(out), "--leads", str(leads)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    written = sum(path.stat().st_size for path in out.iterdir())
    return seconds, usage.ru_maxrss / 1024, written / 1e6


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line a size; the written tables are thrown away."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--leads", type=int, nargs="+", default=DEFAULT_SIZES)
    args = parser.parse_args(argv)
    print("| leads | seconds | peak memory, MB | written, MB |\n|---|---|---|---|", flush=True)
    for leads in args.leads:
        with tempfile.TemporaryDirectory(prefix="leadtime-simulation-") as folder:
            seconds, memory, written = measure(leads, Path(folder))
        print(f"| {leads:,} | {seconds:.1f} | {memory:.0f} | {written:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
