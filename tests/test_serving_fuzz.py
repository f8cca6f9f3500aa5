"""Whatever is sent to any endpoint of the OpenAPI document is answered as it says: schemathesis, all its checks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_world import Clock, FixedModel, World
from werkzeug.serving import WSGIRequestHandler, make_server

from features.settings import Settings
from features.store import Store
from serving.app import create_app
from serving.background.lease import Lease
from serving.background.refresh import Refresher
from serving.handoffs.judge import Judge
from serving.keys import Keys
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

EXAMPLES = "25"  # of each operation, besides those of the phases examples and coverage
# What no schema can say (a time that has come, a date that a calendar has, one ending, a key used once) may be refused
# with 422, and a lead that was erased is gone. Everything else that the document allows must be accepted. Intake is as
# lenient as the protocol: a batch is taken without the calls that cannot be used, which are kept with the reason.
CONFIG = """
[[operations]]
include-tag = ["Scores", "CRM", "CRM exports", "Webhooks", "Handoffs", "Rejected events", "Audit log", "Reports",
               "Call plan", "Changes", "Dossier", "Audiences", "Monitor"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422"]
checks.negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "410", "413", "415",
                                                    "422", "429"]

[[operations]]
include-tag = ["Personal data"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "410"]

[[operations]]
include-tag = ["Intake"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403"]
checks.negative_data_rejection.expected-statuses = ["200", "400", "401", "403", "413", "415"]
"""
UNLIMITED = dict.fromkeys(("read", "ingest", "write", "admin", "sign_in"), 0)


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None: ...


@pytest.fixture
def address(world: World, tmp_path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """A service on a real port, and a key that may do everything as often as it likes."""
    shutil.copy(world.file, tmp_path / "leadtime.db")
    given = Settings(database_url=f"sqlite:///{tmp_path}/leadtime.db", limits=UNLIMITED)
    store, clock = Store.open(given.database_url, migrate=True), Clock()
    _, text = Keys(store).create("fuzz", ["admin"], clock())
    models, lease = FixedModel(Served(world.scorer, "7")), Lease(store, "scores")
    assert lease.hold()
    Refresher(store, models, clock, given, lease=lease, judge=Judge(store, 7, days_ahead=21)).run()
    app = create_app(given, store, models, clock)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", text, store.lead_ids()
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()


def test_every_answer_is_as_documented(address: tuple[str, str, list[str]], tmp_path: Path) -> None:
    base, key, leads = address
    with urllib.request.urlopen(f"{base}/openapi.json") as answer:
        document = json.load(answer)
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "lead_id" and parameter["in"] == "path":  # some that are there
                    parameter["schema"] = {"anyOf": [{"type": "string", "minLength": 1}, {"enum": leads[::10]}]}
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    done = subprocess.run(
        [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", "openapi.json",
         "--url", base, "--header", f"Authorization: Bearer {key}", "--checks", "all", "--max-examples", EXAMPLES,
         "--phases", "examples,coverage,fuzzing", "--seed", "1", "--generation-database", "none", "--no-color",
         "--suppress-health-check", "all"],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
