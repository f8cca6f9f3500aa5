"""The API documentation at /docs: Swagger UI from an installed package, so that it works without internet."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from apiflask import APIBlueprint
from flask import Response, render_template, send_from_directory

ASSETS = files("flask_openapi3_swagger") / "templates" / "swagger"
FILES = {"swagger-ui.css": "css", "swagger-ui-bundle.js": "js"}


def bodies_are_required(document: dict[Any, Any] | str) -> dict[Any, Any] | str:
    """APIFlask leaves out that what reads a body needs one."""
    if isinstance(document, str):
        return document
    for operations in document["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return document


def documentation() -> APIBlueprint:
    bp = APIBlueprint("documentation", __name__, enable_openapi=False)

    @bp.get("/docs")
    def docs() -> str:
        return render_template("docs.html")

    @bp.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>")
    def asset(name: str) -> Response:
        return send_from_directory(str(ASSETS / FILES[name]), name, max_age=86_400)

    return bp
