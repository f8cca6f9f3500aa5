"""The datasets of the prediction benchmark, each a name and what gives its folds by rolling origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

from benchmarks.bpic2012 import log
from benchmarks.prediction.datasets import bpic2012, online_retail, public, simulated
from benchmarks.prediction.fold import Fold
from features.sources.simulator import WORLDS

# one whose files are absent gives no fold; one whose package is absent raises ModuleNotFoundError
DATASETS: dict[str, Callable[[], Iterator[Fold]]] = {
    "bpic2012": bpic2012.folds,
    "online_retail": online_retail.folds,
    **{simulated.NAME + world: partial(simulated.folds, (world,)) for world in WORLDS},
    **{name: partial(public.folds, (name,)) for name in public.SAMPLES},
}


def absent() -> dict[str, str]:
    """By dataset that cannot be had here, what is missing."""
    missing = {}
    if log.find_data() is None:
        missing["bpic2012"] = _no_file("bpic2012/bpic2012_events.csv.gz")
    if online_retail.find_data() is None:
        missing["online_retail"] = _no_file(f"online_retail/{' or '.join(online_retail.FILES)}")
    for name, package in public.PACKAGES.items():
        if find_spec(package) is None:
            missing[name] = f"skipped: no package {package}; install requirements/bench.lock"
    return missing


def _no_file(name: str) -> str:
    return f"skipped: no {name} under ../shared/data; name its folder with LEADTIME_DATA"
