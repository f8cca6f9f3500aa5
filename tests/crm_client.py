"""A service without a model, as a CRM sees it: for tests in which nothing is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving_world import Clock, Running, run
from werkzeug.test import TestResponse

from features.errors import ModelUnavailable


class NoModel:
    def current(self) -> Any:
        raise ModelUnavailable("no model was trained yet. Train one with: python -m training.train")


@dataclass(frozen=True)
class Crm:
    """Requests of a CRM with one key."""

    running: Running

    @property
    def clock(self) -> Clock:
        return self.running.clock

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.running.client.get(path, query_string=query, headers=self.running.key)

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.running.client.post(path, json=body, headers=self.running.key | sent)

    def put(self, path: str, body: Any) -> TestResponse:
        return self.running.client.put(path, json=body, headers=self.running.key)

    def csv(self, path: str, text: str, **query: str) -> TestResponse:
        return self.running.client.post(
            path, data=text.encode(), content_type="text/csv", query_string=query, headers=self.running.key
        )


def open_crm(url: str, *scopes: str) -> Crm:
    return Crm(run(url, NoModel(), scopes=scopes or ("read", "write")))
