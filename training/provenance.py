"""Where a model comes from: all that has to be the same for the same files to come out again, byte for byte."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from features.errors import InputError
from features.events import content_id, to_iso
from features.settings import Settings, load_settings

FOLDER, FILE = "provenance", "provenance.json"
PACKAGES = ("lightgbm", "numpy", "scikit-learn", "scipy", "pandas", "numba")  # whose versions may move a digit
_ROOT = Path(__file__).parents[1]
_CODE = ("features", "model", "training")  # serving answers with a model, it does not make one
_LOCK = _ROOT / "requirements" / "runtime.lock"
# What a model does not depend on. Every other setting counts, so that a new one is not forgotten.
_ELSEWHERE = frozenset(
    {
        *("database_url", "model_name", "model_alias", "tuning_url", "seed"),
        *("crm", "sales", "measurement", "contract", "limits", "gate", "monitor"),
        *("scores_max_age_hours", "handoff_days_ahead", "handoff_close_days", "handoff_holdout"),
        *("handoff_holdout_salt", "webhook_allow_private", "host", "port", "mlflow_port", "workers", "proxies"),
        *("audit_days", "metrics_open"),
    }
)


@dataclass(frozen=True)
class Code:
    """``files``: digest of what lies on disk. ``commit``: empty without a git checkout; ``dirty``: with changes."""

    files: str
    commit: str = ""
    dirty: bool = False

    def __str__(self) -> str:
        return f"{self.commit[:12]}{'+changes' if self.dirty else ''}" if self.commit else f"files {self.files}"


@dataclass(frozen=True)
class Provenance:
    """``data``: digest of the events, of which ``events`` and ``leads`` count those that were read.

    ``folder``: of the tables, None for the store, whose events up to ``position`` were read, ``erasures`` leads having
    been erased. ``known_by``: microseconds. ``versions``: of Python and packages. ``lock``, ``rows`` (of features of
    one's own): digests, empty without such a file.
    """

    folder: str | None
    position: int | None
    known_by: int
    seed: int
    data: str
    events: int
    leads: int
    erasures: int
    settings: dict[str, Any]
    code: Code
    lock: str
    machine: str
    versions: dict[str, str]
    rows: str = ""

    @property
    def settings_digest(self) -> str:
        return content_id(in_order(self.settings))[:12]

    def params(self) -> dict[str, object]:
        """What a run is looked up and compared by."""
        return {"as_known_at": to_iso(self.known_by), "log_position": self.position, "seed": self.seed}

    def tags(self) -> dict[str, str]:
        named = {"data": self.data, "settings": self.settings_digest, "code": str(self.code), "lock": self.lock}
        return named | ({"mlflow.source.git.commit": self.code.commit} if self.code.commit else {})

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, text: bytes) -> Provenance:
        try:
            data = orjson.loads(text)
            return cls(**{**data, "code": Code(**data["code"])})
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise InputError(where=FILE, expected="where a model comes from", got=str(error)) from None

    def settings_in_force(self) -> Settings:
        """Those of then where a model depends on them, today's elsewhere."""
        return load_settings(**self.settings)


def learned_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a model depends on, as JSON has them."""
    return settings.model_dump(mode="json", exclude=set(_ELSEWHERE))


def in_order(settings: dict[str, Any]) -> str:
    """As JSON, the same in whatever order a file names them."""
    return orjson.dumps(settings, option=orjson.OPT_SORT_KEYS).decode()


def differences(then: Provenance, now: Provenance) -> list[str]:
    """What is not as it was, each in a sentence, the most likely reason for another model first."""
    found = []
    if then.data != now.data:
        found.append(_of_data(then, now))
    if then.settings_digest != now.settings_digest:
        changed = sorted(name for name in then.settings | now.settings if _differs(name, then.settings, now.settings))
        found.append(f"other settings: {', '.join(changed)}")
    if then.rows != now.rows:
        found.append("the file of features of one's own has changed")
    if then.code.files != now.code.files:
        found.append(f"the code has changed: {then.code} then, {now.code} now")
    if then.lock != now.lock:
        found.append(f"the lock file has changed: {then.lock or 'none'} then, {now.lock or 'none'} now")
    for name in sorted(then.versions | now.versions):
        before, after = then.versions.get(name, "none"), now.versions.get(name, "none")
        if before != after:
            found.append(f"{name} {before} then, {after} now")
    if then.machine != now.machine:
        found.append(f"another kind of machine: {then.machine} then, {now.machine} now")
    return found


def _differs(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    return name not in one or name not in other or one[name] != other[name]


def _of_data(then: Provenance, now: Provenance) -> str:
    counts = f"{then.events:,} events of {then.leads:,} leads then, {now.events:,} of {now.leads:,} now"
    if now.erasures > then.erasures:
        return f"leads have been erased from the log since: {counts}"
    return f"other data: {counts}"


def code_now() -> Code:
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--", *_CODE) if commit else None
    return Code(_digest_of_files(_files()), commit or "", bool(changed))


def lock_now() -> str:
    return _digest_of(_LOCK)


def _digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""


def machine_now() -> str:
    return f"{platform.system()} {platform.machine()}"


def versions_now() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _files() -> list[Path]:
    return sorted(
        path
        for room in _CODE
        for path in (_ROOT / room).rglob("*")
        if path.suffix in {".py", ".toml"} and "__pycache__" not in path.parts
    )


def _digest_of_files(files: Iterable[Path]) -> str:
    seen = hashlib.sha256()
    for path in files:
        seen.update(f"{path.relative_to(_ROOT).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return seen.hexdigest()[:12]


def _git(*arguments: Sequence[str] | str) -> str | None:
    """What git says of this checkout; None where there is none, or no git."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return None
    done = subprocess.run([git, "-C", str(_ROOT), *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
