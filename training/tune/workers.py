"""Several processes on one study. Each is started anew, not forked: LightGBM's threads do not live through a fork."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess

from training.tune.study import Budget, Objective, open_storage, open_study, search


@dataclass(frozen=True, eq=False)
class Job:
    """All that a process needs. ``seed``: the sampler's, another for each process."""

    storage_url: str
    study: str
    objective: Objective
    budget: Budget
    seed: int


def work(job: Job) -> None:
    """Trials until the budget is spent, or the process that asked for them is gone."""
    parent = multiprocessing.parent_process()
    storage = open_storage(job.storage_url)
    try:
        study = open_study(storage, job.study, seed=job.seed)
        search(study, job.objective, job.budget, after=lambda: parent is None or parent.is_alive())
    except KeyboardInterrupt:  # the process that asked for them says so
        sys.exit(130)
    finally:
        storage.engine.dispose()


@contextmanager
def helped_by(jobs: list[Job]) -> Iterator[None]:
    """While the block runs, a process for each job; at its end they are waited for, unless it failed: then ended."""
    context = multiprocessing.get_context("spawn")
    processes: list[SpawnProcess] = [context.Process(target=work, args=(job,)) for job in jobs]
    for process in processes:
        process.start()
    try:
        yield
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        for process in processes:
            process.join()
    failed = [process for process in processes if process.exitcode]
    if failed:
        print(f"{len(failed)} of the processes failed; their trials will be tried again", file=sys.stderr)
