"""The OpenAPI document is valid and true, and its page needs no internet."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from serving_world import Running

from serving.intake.calls import KINDS

pytest_plugins = ("serving_fixtures",)


@pytest.fixture(scope="module")
def document(service: Running) -> dict[str, Any]:
    return service.client.get("/openapi.json").json


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_endpoint_under_v1_asks_for_a_key_and_documents_its_errors(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "basic", "hubspot"}
    paths = {path: operations for path, operations in document["paths"].items() if path.startswith("/v1/")}
    intake = {f"/v1/{kind}" for kind in (*KINDS, "batch")}
    assert intake | {"/v1/leads/{lead_id}/score", "/v1/call-list", "/v1/handoffs", "/v1/audit"} <= set(paths)
    for path in intake:
        operation = paths.pop(path)["post"]
        assert operation["security"] == [{"bearer": []}, {"header": []}, {"basic": []}]
        assert {"200", "400", "401", "403", "429", "503"} <= set(operation["responses"])
        assert set(operation["requestBody"]["content"]) == {"application/json", "text/plain"}
    for path, operations in paths.items():
        for method, operation in operations.items():
            by_signature = path == "/v1/hubspot/webhook"
            assert operation["security"] == ([{"hubspot": []}] if by_signature else [{"bearer": []}, {"header": []}])
            assert {"401", "403", "503"} | (set() if by_signature else {"429"}) <= set(operation["responses"])
            assert {"200", "201", "202", "204"} & set(operation["responses"])
            if "requestBody" in operation or operation.get("parameters"):
                assert {"404", "422"} & set(operation["responses"])
            assert operation["summary"]
            if method == "post":
                assert {"400", "413", "415"} <= set(operation["responses"])


def test_the_score_has_the_fields_of_the_configured_horizons(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["Score"]["properties"]
    expected = (
        "lead_id as_of readiness p_7 p_30 p_90 p_lost_7 p_lost_30 p_lost_90 window_start window_end window_coverage "
        "median_date call_on priority reasons model_version status reason"
    )
    assert set(expected.split()) <= set(fields)


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    text = re.findall(r"'\$ref': '#/components/schemas/([^']+)'", repr(document))
    assert set(text) <= set(document["components"]["schemas"])


def test_what_is_posted_is_strict(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["ScoreRequest"]["additionalProperties"] is False
    example = schemas["ScoreRequest"]["examples"][0]
    assert set(example) <= set(schemas["ScoreRequest"]["properties"])


def test_its_example_can_be_posted(document: dict[str, Any], post) -> None:
    status, answer = post("/v1/score", document["components"]["schemas"]["ScoreRequest"]["examples"][0])
    assert (status, answer["status"]) == (200, "open")


def test_the_page_and_all_it_needs_come_from_here(service: Running) -> None:
    page = service.client.get("/docs", buffered=True)
    text = page.get_data(as_text=True)
    wanted = re.findall(r'(?:src|href|data-spec)="([^"]+)"', text)
    assert len(wanted) == 5
    for path in wanted:
        assert path.startswith("/"), "nothing from another server"
        assert service.client.get(path, buffered=True).status_code == 200
    assert "http" not in text.replace("http-equiv", "")
    assert service.client.get("/docs/../app.py").status_code == 404
