"""A running application for the tests of the service, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient

from features.errors import ModelUnavailable
from features.events import parse_time
from features.settings import Settings
from features.store import Store
from model.scorer import Scorer
from serving.app import create_app
from serving.keys import Keys
from serving.registry import ModelSource, Served

END = "2026-11-01"
NOW = parse_time(END)


@dataclass(frozen=True)
class World:
    """``open_lead`` is ranked, ``lost_lead`` has ended; ``url``: a database of which tests write to copies only."""

    url: str
    file: Path
    scorer: Scorer
    open_lead: str
    lost_lead: str


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@dataclass(frozen=True)
class FixedModel:
    """A model that was loaded beforehand and stays."""

    served: Served

    def current(self) -> Served:
        return self.served

    def refresh(self) -> None:
        """There is never another."""


class NoModel:
    """No model was trained yet."""

    def current(self) -> Served:
        raise ModelUnavailable("no model was trained yet")


@dataclass(frozen=True)
class Running:
    """An application and what belongs to it. ``client`` brings no key by itself, ``key`` does when it is given."""

    app: APIFlask
    store: Store
    clock: Clock
    key: dict[str, str]

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()


def run(
    url: str, models: ModelSource, *, clock: Clock | None = None, scopes: tuple[str, ...] = ("read",), **settings: Any
) -> Running:
    clock = clock or Clock()
    store = Store.open(url, migrate=True)
    _, text = Keys(store).create("test", scopes, clock())
    app = create_app(Settings(database_url=url, **settings), store, models, clock)
    return Running(app, store, clock, {"Authorization": f"Bearer {text}"})
