"""``python -m training.train`` in a process of its own, with few trees, which may be made to wait while it registers.

Only the size of the model and, with SMALL_TRAIN_WAIT, the seconds that uploading takes are not those of the job.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from model import cross_fit, fit_scorer
from model import signal as model_signal
from model.hazard import PurchaseHazard
from training import train
from training.tracking import SERVING, Run

MARK = "uploading what serves"


def make_small(put: Callable[[object, str, object], object] = setattr) -> None:
    """Few trees, which answer whether or not they have shown their worth on so few leads."""
    put(fit_scorer, "PurchaseHazard", partial(PurchaseHazard, max_trees=10, max_rows=4_000))
    put(cross_fit, "_REPEATS", 1)
    put(cross_fit, "_RIDGES", (30.0,))
    put(model_signal, "LEAST_PURCHASES", 0)
    put(model_signal, "_LIKELY", -1e9)


def wait_while_registering(seconds: float) -> None:
    files = Run.files

    def slowly(run: Run, folder: str, given: Mapping[str, bytes]) -> None:
        if folder != SERVING:
            files(run, folder, given)
            return
        one, *others = given
        files(run, folder, {one: given[one]})
        print(MARK, file=sys.stderr, flush=True)
        until = time.monotonic() + seconds
        while time.monotonic() < until:  # a signal does not cut this short where it is held
            time.sleep(0.05)
        files(run, folder, {name: given[name] for name in others})

    Run.files = slowly


if __name__ == "__main__":
    # what a shell starts in the background ignores Ctrl-C, and so would this
    signal.signal(signal.SIGINT, signal.default_int_handler)
    make_small()
    if "SMALL_TRAIN_WAIT" in os.environ:
        wait_while_registering(float(os.environ["SMALL_TRAIN_WAIT"]))
    sys.exit(train.main(sys.argv[1:]))
