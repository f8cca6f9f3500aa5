"""One shape for every error, no stack trace, and the headers that every answer carries."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from serving_world import Running, World, run

from features.errors import ModelUnavailable, StoreUnavailable
from features.store import Store
from serving.problems import Error

pytest_plugins = ("serving_fixtures",)


class NoModel:
    def current(self):
        raise ModelUnavailable("no model was trained yet. Train one with: python -m training.train")


@pytest.fixture
def without_model(world: World, tmp_path) -> Running:
    import shutil

    shutil.copy(world.file, tmp_path / "copy.db")
    return run(f"sqlite:///{tmp_path}/copy.db", NoModel())


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (("GET", "/v1/nothing", {}), 404, "not_found"),
        (("GET", "/v1/leads/x", {}), 404, "unknown_lead"),
        (("PATCH", "/v1/leads/x", {}), 405, "method_not_allowed"),
        (("GET", "/v2/score", {}), 404, "not_found"),
        (("DELETE", "/v1/score", {}), 405, "method_not_allowed"),
        (("POST", "/v1/score", {"data": "a=1"}), 415, "unsupported_media_type"),
        (("POST", "/v1/score", {"data": "{}", "content_type": "text/plain"}), 415, "unsupported_media_type"),
        (("POST", "/v1/score", {"data": "a=1", "content_type": "application/x-www-form-urlencoded"}), 415,
         "unsupported_media_type"),
        (("POST", "/v1/score", {"data": "{", "content_type": "application/json"}), 400, "bad_json"),
        (("POST", "/v1/score", {"data": "", "content_type": "application/json"}), 400, "bad_json"),
        (("POST", "/v1/score", {"data": '{"a": NaN}', "content_type": "application/json"}), 400, "bad_json"),
        (("POST", "/v1/score", {"data": b"\xff\xfe", "content_type": "application/json"}), 400, "bad_json"),
        (("POST", "/v1/score", {"data": "[" * 100_000, "content_type": "application/json"}), 400, "bad_json"),
        (("POST", "/v1/score", {"data": '"\\ud800"', "content_type": "application/json"}), 400, "bad_json"),
        (("POST", "/v1/score", {"data": "null", "content_type": "application/json"}), 422, "invalid"),
        (("POST", "/v1/score", {"data": "{}", "content_type": "application/json; charset=utf-8"}), 422, "invalid"),
        (("POST", "/v1/score", {"data": "x" * (9 * 2**20), "content_type": "application/json"}), 413, "too_large"),
    ],
)  # fmt: skip
def test_errors_have_one_shape(service: Running, call: tuple, status: int, code: str) -> None:
    method, path, options = call
    answer = service.client.open(path, method=method, headers=service.key, **options)
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/json"
    assert Error.model_validate(answer.json).code == code
    assert "Traceback" not in answer.get_data(as_text=True)


def test_an_error_that_nobody_foresaw_shows_no_insides(
    own_service: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(Store, "history", break_down)
    answer = own_service.client.get("/v1/leads/x/score", headers=own_service.key)
    assert answer.status_code == 500
    assert answer.json == {
        "code": "internal_error", "message": "an error that was not foreseen; the service's log has it", "detail": {},
    }  # fmt: skip
    assert "secret inside" in caplog.text, "the log has it"


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("the database secret cannot be used"),
        sa.exc.OperationalError("SELECT", {}, Exception("secret")),
    ],
)
def test_a_database_that_is_away_is_503(own_service: Running, monkeypatch: pytest.MonkeyPatch, error) -> None:
    def away(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Store, "history", away)
    answer = own_service.client.get("/v1/leads/x/score", headers=own_service.key)
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "secret" not in answer.get_data(as_text=True)


def test_without_a_model_scores_are_503_and_the_rest_answers(without_model: Running, world: World) -> None:
    client, key = without_model.client, without_model.key
    body = {"lead": {"lead_id": "x"}, "events": [{"type": "a", "timestamp": "2026-10-01"}]}
    for answer in (
        client.get(f"/v1/leads/{world.open_lead}/score", headers=key),
        client.get("/v1/scores?lead_ids=x", headers=key),
        client.get("/v1/call-list", headers=key),
        client.get("/v1/call-list?as_of=2026-10-01", headers=key),
        client.post("/v1/score", json=body, headers=key),
        client.post("/v1/scores", json={"histories": [body]}, headers=key),
    ):
        assert (answer.status_code, answer.json["code"]) == (503, "model_unavailable")
        assert "python -m training.train" in answer.json["message"]
        assert "Retry-After" in answer.headers
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["code"]) == (503, "not_ready")
    assert ready.json["detail"]["checks"]["database"] == "ok"
    assert "python -m training.train" in ready.json["message"]


def test_readiness_names_model_and_database(own_service: Running) -> None:
    answer = own_service.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["checks"] == {"database": "ok", "model": "ok, version 7 (number 7 in the registry)"}
    with own_service.store.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    answer = own_service.client.get("/readyz")
    assert answer.status_code == 503
    assert "schema version 0000" in answer.json["message"]


@pytest.mark.parametrize("path", ["/", "/login", "/docs", "/healthz", "/v1/call-list", "/nothing", "/static/pages.css"])
def test_every_answer_carries_the_security_headers(service: Running, path: str) -> None:
    answer = service.client.get(path, buffered=True)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy, "nothing comes from another server"
    assert ("script-src" in policy) == (path == "/docs")
    assert "Strict-Transport-Security" not in answer.headers
    assert "Strict-Transport-Security" in service.client.get(path, base_url="https://localhost", buffered=True).headers


def test_what_is_private_is_not_kept_by_caches(service: Running) -> None:
    assert service.client.get("/static/nothing").headers["Cache-Control"] == "no-store"
    for path in ("/v1/nothing", "/login", "/"):
        assert service.client.get(path, headers=service.key).headers["Cache-Control"] == "no-store"
    # what a CRM polls is kept by its own caller alone, who asks again each time
    assert service.client.get("/v1/call-list", headers=service.key).headers["Cache-Control"] == "private, no-cache"


def test_a_browser_gets_a_page_and_a_program_gets_json(service: Running) -> None:
    page = service.client.get("/nothing", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "there is nothing at this address" in page.get_data(as_text=True)
    assert service.client.get("/nothing").mimetype == "application/json"
    assert service.client.get("/v1/nothing", headers={"Accept": "text/html"}).mimetype == "application/json"
