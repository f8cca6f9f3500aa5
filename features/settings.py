"""Settings: from the environment (prefix LEADTIME_), else from leadtime.toml, else the defaults below.

Only entry points read them; everything else is handed the values it needs. ``[estimator]`` (which estimator, with which
parameters) is features/estimator_settings.py's; training/fitting.py makes the estimator from it.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from features.business_settings import (
    ContractSettings,
    Costs,
    CrmSettings,
    EventRoles,
    Limits,
    Measurement,
    SalesSettings,
)
from features.errors import InputError
from features.estimator_settings import Estimator
from features.gate_settings import GateSettings
from features.monitor_settings import MonitorSettings

SETTINGS_FILE = "leadtime.toml"
PREFIX = "LEADTIME_"
MOST_SEED = 2_000_000_000  # LightGBM's have 31 bits, and what is drawn again adds to it
_OF_OTHERS = ("LEADTIME_DATA", "LEADTIME_DATABASE_HOST")  # benchmarks, compose.yaml


class Settings(BaseSettings):
    """All settings of leadtime. Unknown names in leadtime.toml are refused."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=SETTINGS_FILE
    )

    database_url: str = Field("sqlite:///var/leadtime.db", description="SQLite or PostgreSQL")
    horizons: Annotated[tuple[int, ...], NoDecode] = Field((7, 30, 90), description="days, rising")
    window_coverage: float = Field(0.8, gt=0, lt=1, description="share of purchasers who buy within their window")
    costs: Costs = Costs()
    events: EventRoles = EventRoles()
    features_file: str = Field(
        "", description="TOML with rows of features of one's own, beside those of features/catalogue.toml"
    )
    estimator: Estimator = Estimator()
    crm: CrmSettings = CrmSettings()
    sales: SalesSettings = SalesSettings()
    measurement: Measurement = Measurement()
    contract: ContractSettings = ContractSettings()
    gate: GateSettings = GateSettings()
    monitor: MonitorSettings = MonitorSettings()
    seed: int = Field(1, ge=0, le=MOST_SEED)

    model_name: str = "leadtime"
    model_alias: str = "champion"
    tuning_url: str = Field("sqlite:///var/tuning.db", description="SQLite or PostgreSQL, not the database of the log")

    scores_max_age_hours: float = Field(
        24.0,
        gt=0,
        description="scores of leads of which nothing new is known are computed again after this long, "
        "and in any case when a day (UTC) begins",
    )
    handoff_days_ahead: int | None = Field(
        None,
        ge=0,
        description="a lead is handed over when its call date lies at most so many days ahead; "
        "when waiting begins to cost more than a call, if not given",
    )
    handoff_close_days: int = Field(
        7, ge=0, description="an open window closes when the date that opened it moves so many days further away"
    )
    handoff_holdout: float = Field(
        0.0, ge=0, le=1, description="share of leads that are not handed over, to measure what handoffs bring"
    )
    handoff_holdout_salt: str = Field("", description="another salt draws other leads")
    webhook_allow_private: bool = Field(
        False, description="webhooks may go to private, loopback and link-local addresses, and over plain http"
    )

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    mlflow_port: int = Field(5000, ge=1, le=65535, description="where make demo starts the MLflow UI")
    workers: int = Field(1, ge=1, description="processes of the service")
    proxies: int = Field(0, ge=0, description="reverse proxies in front, whose X-Forwarded- headers are believed")
    limits: Limits = Limits()
    audit_days: int = Field(400, ge=1, description="how long the audit log is kept")
    metrics_open: bool = Field(False, description="/metrics without a key, for a port that only monitoring reaches")

    @field_validator("horizons", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part for part in value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("horizons")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or value[0] < 1 or list(value) != sorted(set(value)) or value[-1] > 3650:
            raise ValueError("expected rising whole numbers of days between 1 and 3650, such as 7,30,90")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not used: one file is enough
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def mlflow_tracking_uri(self) -> str:
        """MLflow's own MLFLOW_TRACKING_URI, else a SQLite file beside the log."""
        return os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///var/mlflow.db"


def unknown_variables(names: Iterable[str]) -> list[str]:
    """A sentence for each environment variable with our prefix that sets nothing, with the nearest name that would."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    found = []
    for name in sorted(name for name in map(str.upper, names) if name.startswith(PREFIX)):
        if name.split("__")[0] in known or name in _OF_OTHERS or name.startswith(f"{PREFIX}TEST_"):
            continue
        near = get_close_matches(name, known, n=1)
        found.append(f"{name} sets nothing" + (f"; did you mean {near[0]}?" if near else ""))
    return found


def load_settings(**given: Any) -> Settings:
    """The settings in force, ``given`` ones instead of them. InputError names each setting that is wrong.

    A block that is given holds whole: file and environment add nothing to it. Variables that set nothing are told on
    stderr, not refused: platforms set some of their own by a service's name.
    """
    for sentence in unknown_variables(os.environ):
        print(f"warning: {sentence}", file=sys.stderr)
    try:
        return Settings(**{name: _whole(name, value) for name, value in given.items()})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(where=SETTINGS_FILE, expected="TOML in UTF-8", got=str(error)) from None
    except SettingsError as error:  # such as LEADTIME_COSTS=cheap, where an object is needed
        remedy = "Set one value by one variable, such as LEADTIME_COSTS__LATE=10"
        raise InputError(where="settings", expected="valid settings", got=str(error), remedy=remedy) from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            + (f" (got {item['input']!r})" if "input" in item else "")
            for item in error.errors()
        )
        place = SETTINGS_FILE if Path(SETTINGS_FILE).exists() else "environment"
        raise InputError(
            where="settings", expected="valid settings", got=wrong, remedy=f"Correct {place} or the LEADTIME_ variables"
        ) from None


def _whole(name: str, value: Any) -> Any:
    """A block as an instance, which pydantic-settings does not merge with those of other sources as it does dicts."""
    field = Settings.model_fields.get(name)
    kind = None if field is None else field.annotation
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(value)
    return value
