"""Which versions served when, and why: kept in the registry, as tags of the versions, and aliases that point at them.

An alias is one value that the last writer sets. The tags are a log that is only ever added to, and whose last entry
says what is to serve: whoever has written into it sets the alias to the last entry, looks again, and goes on until both
agree. So two who promote at once end with the alias where the log says, in whatever order their requests came in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar
from uuid import uuid4

import orjson
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from features.errors import InputError, ModelUnavailable
from training.tracking.client import Tracking

BEST, PREVIOUS = "best", "previous"  # aliases, beside that of what serves
DESCRIPTION_LIMIT = 5000  # characters of a version's description that every database behind MLflow takes
_ENTRY = "promotion."
_TRIES, _PATIENCE = 20, 5.0  # seconds that another may take between its entry and its alias
_T = TypeVar("_T")
Kind = Literal["gate", "person", "forced", "rollback", "elsewhere"]


@dataclass(frozen=True)
class Promotion:
    """One entry of the log. ``at``: microseconds since 1970 UTC; ``kind``: who decided, or that it was a rollback;
    "elsewhere": the alias was found to have been moved by another tool.
    """

    version: str
    kind: Kind
    at: int
    by: str
    why: str


@dataclass(frozen=True, eq=False)
class Version:
    """A registered version. ``created_at``: microseconds since 1970 UTC."""

    number: str
    created_at: int
    run_id: str
    description: str
    tags: Mapping[str, str]


class Versions:
    """The versions of the model, and the alias ``serving`` of the one that serves."""

    def __init__(self, tracking: Tracking, serving: str) -> None:
        self._tracking, self._client, self._name = tracking, tracking.client, tracking.model_name
        self.alias = serving

    @property
    def serving(self) -> str | None:
        return self._tracking.find(self.alias)

    def all(self) -> list[Version]:
        """The newest first."""
        found: list[ModelVersion] = []
        token = None
        while True:
            page = self._ask(
                lambda token=token: self._client.search_model_versions(  # type: ignore[misc]
                    f"name='{self._name}'", max_results=1000, page_token=token
                )
            )
            found += page
            token = page.token
            if not token:
                break
        versions = [
            Version(str(v.version), int(v.creation_timestamp) * 1000, v.run_id or "", v.description or "", v.tags)
            for v in found
        ]
        return sorted(versions, key=lambda version: -int(version.number))

    def metrics(self, version: Version) -> dict[str, float]:
        """The figures of its run; none where that was deleted."""
        try:
            return dict(self._client.get_run(version.run_id).data.metrics)
        except MlflowException:
            return {}

    def history(self) -> list[Promotion]:
        """The log, from the first entry on."""
        entries = [
            (name, Promotion(**{"version": version.number, **orjson.loads(text)}))
            for version in self.all()
            for name, text in version.tags.items()
            if name.startswith(_ENTRY)
        ]
        return [entry for _, entry in sorted(entries, key=lambda item: item[0])]

    def path(self) -> list[str]:
        """The versions that a rollback goes back along: the last one serves."""
        return path_of(self.history(), self.serving)

    def promote(
        self, version: str, *, kind: Kind, by: str, why: str, now: int, best: bool, instead_of: str | None = ""
    ) -> bool:
        """From now on ``version`` serves. False, and nothing done, where ``instead_of`` is given and serves no more.

        ``best``: it is what later ones are held against, too.
        """
        self._note_moves_elsewhere(now)
        serving = self.serving
        if instead_of not in ("", serving):
            return False
        self._enter(Promotion(version, kind, now, by, why))
        if best:
            self._point(BEST, version)
        return True

    def roll_back(self, usable: Callable[[str], str | None], *, by: str, why: str, now: int) -> tuple[str, list[str]]:
        """To the version that served before, and which that is; beside it why others before it were passed over.

        ``usable``: None for a version that can serve, else why not. InputError where there is none to go back to.
        """
        self._note_moves_elsewhere(now)
        path = self.path()
        passed_over: list[str] = []
        for version in reversed(path[:-1]):
            wrong = usable(version)
            if wrong is None:
                if self._tracking.find(BEST) not in path[: path.index(version) + 1]:  # it was no better after all
                    self._point(BEST, version)
                self._enter(Promotion(version, "rollback", now, by, why))
                return version, passed_over
            passed_over.append(f"version {version} cannot serve: {wrong}")
        raise InputError(
            where="--rollback",
            expected="a version that served before and can serve again",
            got="; ".join(passed_over) or "none",
            remedy="See python -m training.promote --list, and promote one by its number",
        )

    def describe(self, version: str, text: str) -> None:
        """The description on the version's page, in Markdown; cut at what every database takes."""
        cut = text if len(text) <= DESCRIPTION_LIMIT else f"{text[: DESCRIPTION_LIMIT - 3]}..."
        self._ask(lambda: self._client.update_model_version(self._name, version, description=cut))

    def tag(self, version: str, name: str, text: str) -> None:
        self._ask(lambda: self._client.set_model_version_tag(self._name, version, name, text[:DESCRIPTION_LIMIT]))

    def _note_moves_elsewhere(self, now: int) -> None:
        """Enter what another tool did with the alias, so that a rollback knows of it."""
        until = time.monotonic() + _PATIENCE
        while True:
            log, serving = self.history(), self.serving
            if serving is None or serving == (log[-1].version if log else None):
                return
            if not log or time.monotonic() > until:
                self._write(Promotion(serving, "elsewhere", now, "", "found to serve"), log)
                return
            time.sleep(_PATIENCE / 10)  # somebody is just promoting

    def _enter(self, entry: Promotion) -> None:
        self._write(entry, self.history())
        for _ in range(_TRIES):
            log, serving = self.history(), self.serving
            if serving == log[-1].version:
                break
            self._point(self.alias, log[-1].version)
        path = path_of(log, serving)
        if len(path) > 1:
            self._point(PREVIOUS, path[-2])
        elif self._tracking.find(PREVIOUS) is not None:
            self._ask(lambda: self._client.delete_registered_model_alias(self._name, PREVIOUS))

    def _write(self, entry: Promotion, log: list[Promotion]) -> None:
        """Into the log, after everything that is in it, however the clocks of machines differ."""
        at = max([entry.at, *(other.at + 1 for other in log)])
        text = orjson.dumps({"kind": entry.kind, "at": at, "by": entry.by, "why": entry.why[:4000]}).decode()
        self.tag(entry.version, f"{_ENTRY}{at:017d}.{uuid4().hex[:8]}", text)

    def _point(self, alias: str, version: str) -> None:
        self._ask(lambda: self._client.set_registered_model_alias(self._name, alias, version))

    def _ask(self, request: Callable[[], _T]) -> _T:
        try:
            return request()
        except MlflowException as error:
            raise ModelUnavailable(f"the registry at {self._tracking.uri} refuses: {error}") from error


def path_of(log: list[Promotion], serving: str | None) -> list[str]:
    """Every promotion goes a step on, every rollback as many back as lead to its version."""
    path: list[str] = []
    for entry in log:
        if entry.kind == "rollback" and entry.version in path:
            while path[-1] != entry.version:
                path.pop()
        elif not path or path[-1] != entry.version:
            path.append(entry.version)
    if serving is not None and (not path or path[-1] != serving):
        path.append(serving)
    return path
