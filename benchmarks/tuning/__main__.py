"""Default settings against tuned ones on data that no trial has seen: ``python -m benchmarks.tuning``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.bpic2012.log import adapt, find_data, read_log
from benchmarks.document import markdown_table, put_section
from features.events import parse_time
from features.settings import load_settings
from features.sources.simulator import WORLDS
from features.sources.simulator.dynamics import Span
from features.sources.simulator.stream import write_simulation
from training.inputs import Source
from training.tune.job import Asked, Result, tune

TITLE = "Tuning: default settings against tuned ones"
END, DAYS, SEED = date(2026, 11, 1), 540, 1


@dataclass(frozen=True)
class Done:
    """A search: on which leads, with what result, in how many minutes of one core."""

    dataset: str
    leads: int
    result: Result
    minutes: float

    def row(self) -> list[str]:
        found, compared = self.result, self.result.compared
        before = [self.dataset, f"{self.leads:,}", f"{found.trials} ({found.pruned})", f"{self.minutes:.1f}"]
        share = 100 * (1 - found.best_score / found.score_in_force)
        if compared is None:
            return [*before, f"{share:.2f}", "", "", "the defaults are best"]
        gain = compared.gain
        verdict = "better" if compared.better else "not shown to be better: the defaults stay"
        unseen = f"{gain.value:.2f} ({gain.low:.2f} to {gain.high:.2f})"
        return [*before, f"{share:.2f}", f"{compared.in_force:.5f}", unseen, verdict]


def _simulated(world: str, folder: Path, leads: int) -> tuple[str, tuple[int, ...]]:
    span = Span(END, DAYS)
    write_simulation(folder, leads=leads, seed=SEED, world=WORLDS[world], span=span, file_format="parquet")
    return END.isoformat(), (7, 30, 90)


def _bpic2012(folder: Path, leads: int) -> tuple[str, tuple[int, ...]]:
    """A sample of the applications: over the whole log a trial takes minutes."""
    path = find_data()
    if path is None:
        raise FileNotFoundError("the log of BPI Challenge 2012 is not here")
    adapted = adapt(read_log(path))
    names = adapted.leads["lead_id"].to_numpy()
    chosen = set(np.random.default_rng(SEED).permutation(names)[:leads].tolist())
    kept = {
        name: (table := getattr(adapted, name))[table["lead_id"].isin(chosen)]
        for name in ("leads", "events", "outcomes")
    }
    replace(adapted, **kept).write(folder)
    return adapted.end.isoformat(), (3, 7, 14, 30)


DATASETS: dict[str, Callable[[Path, int], tuple[str, tuple[int, ...]]]] = {
    "simulated-rich": partial(_simulated, "rich"),
    "simulated-sparse": partial(_simulated, "sparse"),
    "bpic2012": _bpic2012,
}


def search(dataset: str, given: argparse.Namespace) -> Done:
    with tempfile.TemporaryDirectory(prefix="leadtime-tuning-") as place:
        folder = Path(place)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        end, horizons = DATASETS[dataset](folder / "tables", given.leads)
        settings = load_settings(
            horizons=horizons,
            tuning_url=f"sqlite:///{folder / 'tuning.db'}",
            estimator={"parameters": {"max_rows": given.max_rows}},
        )
        known_by = parse_time(end, where=dataset)
        asked = Asked(
            known_by=known_by,
            now=known_by,
            seed=SEED,
            minutes=given.minutes,
            trials=given.trials,
            jobs=1,
            folds=given.folds,
        )
        began = time.process_time()
        result = tune(Source("", folder / "tables"), settings, asked)
        return Done(dataset, given.leads, result, (time.process_time() - began) / 60)


def report(found: Sequence[Done], given: argparse.Namespace) -> str:
    head = ["data", "leads", "trials (broken off)", "minutes of a core", "better in the search, %", "IBS, defaults",
            "better on unseen data, %", "verdict"]  # fmt: skip
    better = sum(each.result.better for each in found)
    return (
        f"`make bench-tuning` (`python -m benchmarks.tuning`). Each search (`python -m training.tune`, {given.folds} "
        f"folds by rolling origin, max_rows {given.max_rows:,}) begins with the defaults. Its best settings and the "
        "defaults are then fitted anew and compared on the newest block, paired by lead. *Better in the search* is how "
        "far the best trial was ahead of the defaults on the folds it was chosen by: of many trials the best is also "
        "the luckiest.\n\n"
        f"{markdown_table(head, [each.row() for each in found])}\n\n"
        f"Better by more than chance: {better} of {len(found)}. Settings that are not are not proposed."
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuning", description=__doc__)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--leads", type=int, default=1_000)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--max-rows", type=int, default=20_000, help="of one member of the ensemble; more take longer")
    parser.add_argument("--minutes", type=float, default=60.0, help="of each search")
    parser.add_argument("--document", action="store_true", help="write docs/benchmarks.md")
    args = parser.parse_args(argv)
    found: list[Done] = []
    for dataset in args.datasets:
        print(f"\n{dataset}", file=sys.stderr)
        try:
            found.append(search(dataset, args))
        except FileNotFoundError as error:
            print(f"{dataset}: skipped, {error}", file=sys.stderr)
            continue
        print(found[-1].result.said, flush=True)
        if args.document:  # a search takes long: what is done is kept
            put_section(TITLE, report(found, args))
    print(f"\n{report(found, args)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
