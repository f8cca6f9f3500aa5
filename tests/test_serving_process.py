"""`python -m serving`: a real granian process on a real port, and a real browser in front of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from serving_world import World

from features.store import Store
from serving.keys import Keys

pytest_plugins = ("serving_fixtures",)

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Service:
    base: str
    key: str
    environment: dict[str, str]
    process: subprocess.Popen[str]

    def get(self, path: str, **headers: str) -> tuple[int, dict]:
        return ask(urllib.request.Request(self.base + path, headers=headers))

    def run(self, *module: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *module], env=self.environment, cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


def ask(request: urllib.request.Request) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(database: str, tracking: str, *, workers: int = 1) -> Iterator[Service]:
    port = free_port()
    environment = {
        **os.environ,
        "LEADTIME_DATABASE_URL": database,
        "MLFLOW_TRACKING_URI": tracking,
        "LEADTIME_PORT": str(port),
        "LEADTIME_WORKERS": str(workers),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    with Store.open(database, migrate=True) as store:
        _, key = Keys(store).create("test", ["read"], time.time_ns() // 1000)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving"], env=environment, cwd=ROOT, stdout=output, stderr=output, text=True
        )
        service = Service(f"http://127.0.0.1:{port}", key, environment, process)
        try:
            wait_for(service, "/healthz", 30)
            yield service
        except BaseException:
            output.seek(0)
            print(output.read())
            raise
        finally:
            process.terminate()
            process.wait(30)


def wait_for(service: Service, path: str, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while True:
        assert service.process.poll() is None, "the service ended"
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            status, answer = service.get(path)
            if status == 200:
                return
            assert time.monotonic() < limit, answer
        assert time.monotonic() < limit, "no answer"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def live(world: World, registered: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    import shutil

    file = tmp_path_factory.mktemp("live") / "leadtime.db"
    shutil.copy(world.file, file)
    with serving(f"sqlite:///{file}", registered) as service:
        wait_for(service, "/readyz", 60)
        yield service


def test_a_real_process_scores(live: Service, world: World) -> None:
    status, answer = live.get(f"/v1/leads/{world.open_lead}/score", Authorization=f"Bearer {live.key}")
    assert (status, answer["status"], answer["model_version"]) == (200, "open", "7")
    assert live.get("/v1/call-list")[0] == 401
    assert live.get("/v1/call-list", **{"X-Api-Key": live.key})[1]["leads"]


def test_chunked_and_oversized_bodies(live: Service) -> None:
    headers = {"Authorization": f"Bearer {live.key}", "Content-Type": "application/json"}
    body = json.dumps({"lead": {"lead_id": "x"}, "events": [{"type": "a", "timestamp": "2026-10-01"}]}).encode()

    def chunks(size: int) -> Iterator[bytes]:
        yield body
        yield b" " * size

    def post(data: object) -> int:
        return ask(urllib.request.Request(live.base + "/v1/score", data=data, headers=headers, method="POST"))[0]

    assert post(body) == 200
    assert post(chunks(10)) == 200
    # the service may hang up before it has read all of it
    with contextlib.suppress(urllib.error.URLError, ConnectionError):
        assert post(chunks(9 * 2**20)) == 413
    assert live.get("/healthz")[0] == 200


def test_a_busy_port_is_said_at_once_with_the_remedy(live: Service) -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "serving"], env=live.environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    port = int(live.environment["LEADTIME_PORT"])
    assert f"LEADTIME_PORT={port + 1} python -m serving" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert time.monotonic() - started < 30


def test_it_starts_without_a_model_and_stops_on_a_signal(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/new/leadtime.db", f"sqlite:///{tmp_path}/none.db") as service:
        status, answer = service.get("/readyz")
        assert (status, answer["code"]) == (503, "not_ready")
        limit = time.monotonic() + 10
        while "no model was trained yet" not in service.get("/readyz")[1]["message"]:
            assert time.monotonic() < limit
            time.sleep(0.1)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0


CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not (CHROMIUM.exists() and DRIVER.exists()):
        remedy = "no Chromium to test the pages with; on Debian: apt install chromium chromium-driver"
        if os.environ.get("LEADTIME_TEST_BROWSER") == "required":
            pytest.fail(remedy)
        pytest.skip(remedy)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in ("headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking",
                     "disable-component-update", "disable-sync", f"user-data-dir={profile}"):  # fmt: skip
            options.add_argument(f"--{flag}")
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
        yield driver
        driver.quit()


def errors(browser) -> list[str]:
    """What the browser complained about: blocked by the policy, missing, broken scripts."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def wait_for_heading(browser, text: str) -> None:
    """A click returns before the page that it asks for is there."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.expected_conditions import text_to_be_present_in_element
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(browser, 30)
    wait.until(text_to_be_present_in_element((By.TAG_NAME, "h1"), text))
    wait.until(lambda page: page.execute_script("return document.readyState") == "complete")


def test_a_browser_signs_in_and_reads_the_call_list(live: Service, browser) -> None:
    from selenium.webdriver.common.by import By

    browser.get(live.base + "/login")
    browser.delete_all_cookies()  # of the other tests of this browser
    browser.get(live.base + "/")
    wait_for_heading(browser, "Sign in")
    browser.find_element(By.ID, "key").send_keys(live.key)
    browser.find_element(By.CSS_SELECTOR, "button.primary").click()
    wait_for_heading(browser, "Call list")
    expected = live.get("/v1/call-list?limit=50", Authorization=f"Bearer {live.key}")[1]["leads"]
    shown = browser.find_elements(By.CSS_SELECTOR, ".list .lead a")
    assert [link.text for link in shown] == [lead["lead_id"] for lead in expected]
    for width in (1280, 390):
        device = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, "nothing sticks out to the side"
    shown[0].click()
    wait_for_heading(browser, expected[0]["lead_id"])
    assert browser.find_element(By.CSS_SELECTOR, "svg.chart").size["width"] > 200
    browser.find_element(By.XPATH, "//button[text()='Sign out']").click()
    wait_for_heading(browser, "Sign in")
    assert errors(browser) == []


def test_the_api_documentation_shows_in_a_browser(live: Service, browser) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    link = live.run("serving.keys", "link")
    browser.get(link)
    wait_for_heading(browser, "Call list")
    assert browser.current_url == live.base + "/"
    browser.get(live.base + "/docs")
    WebDriverWait(browser, 20).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, ".opblock")) >= 7)
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(address.startswith((live.base, "data:")) for address in loaded)
    assert errors(browser) == []
