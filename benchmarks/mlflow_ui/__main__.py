"""Seconds until MLflow's list of runs is there, on 1,000 runs: ``python -m benchmarks.mlflow_ui [--document]``.

A SQLite tracking database as the jobs fill it, ``mlflow server``, and chromium without a window: the requests that the
page makes, by HTTP alone, and the page itself from the click until a run's name can be read.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.document import markdown_table, put_section
from benchmarks.mlflow_ui.fill import fill
from benchmarks.service.processes import Server, free_port, serving

TITLE = "MLflow's pages"
BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # its own workers, which nobody here gives work
SHOWN = 100  # runs that the list asks for at a time


def requests_of_the_page(port: int, experiment: str) -> dict[str, Callable[[], bytes]]:
    """As the browser was seen to make them."""
    root = f"http://127.0.0.1:{port}/ajax-api/2.0/mlflow"
    search = {
        "experiment_ids": [experiment],
        "run_view_type": "ACTIVE_ONLY",
        "max_results": SHOWN,
        "order_by": ["attributes.start_time DESC"],
    }

    def ask(url: str, body: dict[str, Any] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    return {
        "experiments/search": lambda: ask(f"{root}/experiments/search", {"max_results": 25}),
        "experiments/get": lambda: ask(f"{root}/experiments/get?experiment_id={experiment}"),
        f"runs/search, the newest {SHOWN}": lambda: ask(f"{root}/runs/search", search),
        "runs/search, one run with its folds": lambda: ask(
            f"{root}/runs/search", {**search, "filter": "tags.kind = 'fold'", "max_results": 4}
        ),
    }


def timed(asked: Callable[[], bytes], times: int, server: Server) -> list[str]:
    """The row of a request: its seconds, those of the processor that the server took for one, and its size."""
    asked()
    seconds, size, before = [], 0, server.cpu()
    for _ in range(times):
        began = time.perf_counter()
        size = len(asked())
        seconds.append(time.perf_counter() - began)
    cpu = (server.cpu() - before) / times
    return [*_row(seconds), f"{1000 * cpu:,.0f} ms", f"{size / 1000:,.0f} kB"]


def pages(port: int, experiment: str, times: int) -> list[float]:
    """Seconds from asking for the list of runs until a name of a run can be read in it; the files of the page are in
    the browser's cache, as they are after the first visit.
    """
    from selenium import webdriver  # noqa: PLC0415 - a browser is needed here alone
    from selenium.webdriver.common.by import By  # noqa: PLC0415
    from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(120)
    try:
        seconds = []
        for _ in range(times + 1):
            driver.get("about:blank")
            began = time.perf_counter()
            driver.get(f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs")
            WebDriverWait(driver, 120, poll_frequency=0.02).until(
                lambda d: (
                    "fold 1" in d.find_element(By.TAG_NAME, "body").text
                    or "00000000" in d.find_element(By.TAG_NAME, "body").text
                )
            )
            seconds.append(time.perf_counter() - began)
        found = driver.execute_script(
            "return performance.getEntriesByType('resource').filter(e => e.name.includes('ajax-api'))"
            ".map(e => [e.name.split('/mlflow/').pop(), e.duration, e.transferSize])"
        )
        for name, duration, size in found:
            print(f"    {duration:8.0f} ms {size:10,} bytes  {name}", file=sys.stderr)
        return seconds[1:]
    finally:
        driver.quit()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mlflow_ui", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--times", type=int, default=7, help="how often each is measured")
    parser.add_argument("--document", action="store_true", help="write the section of docs/benchmarks.md")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="leadtime-mlflow-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        began = time.perf_counter()
        experiment = fill(uri, given.runs)
        size = Path(f"{folder}/mlflow.db").stat().st_size / 1e6
        print(f"{given.runs:,} runs, {size:.0f} MB, made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        port = free_port()
        command = ["mlflow", "server", "--backend-store-uri", uri, "--port", str(port), "--workers", "1"]
        with serving(port, *command, env=QUIET, ready="/health", log=Path(folder) / "server.log") as server:
            rows = [
                [f"`{name}`", *timed(asked, given.times, server)]
                for name, asked in requests_of_the_page(port, experiment).items()
            ]
            before = server.cpu()
            found = pages(port, experiment, given.times)
            cpu = (server.cpu() - before) / (given.times + 1)
            rows.append(["the list of runs, in chromium", *_row(found), f"{1000 * cpu:,.0f} ms", ""])
    table = markdown_table(["", "median", "slowest", "processor", "answer"], rows)
    busy = f"{os.getloadavg()[0]:.1f} processes were at work on {os.cpu_count()} cores"
    body = f"""`make bench-mlflow-ui`: `mlflow server` on a SQLite tracking database of {given.runs:,} runs, as our
jobs fill it: trainings with four folds each, metrics, params, tags and datasets of 330 columns; {size:.0f} MB. The time
of {given.times} requests, and until a run can be read in the browser, whose cache holds the page's files;
*processor* is the server's own time for one. {busy[:1].upper()}{busy[1:]}.

{table}
"""
    print(body)
    if given.document:
        put_section(TITLE, body)
    return 0


def _row(seconds: list[float]) -> list[str]:
    return [f"{1000 * statistics.median(seconds):,.0f} ms", f"{1000 * max(seconds):,.0f} ms"]


if __name__ == "__main__":
    sys.exit(main())
