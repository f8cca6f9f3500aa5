"""Settings: from the environment (prefix LEADTIME_), else from leadtime.toml, else the defaults below.

Only entry points read them; everything else is handed the values it needs.
"""

from __future__ import annotations

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from features.errors import InputError
from features.gate_settings import GateSettings

SETTINGS_FILE = "leadtime.toml"


class Costs(BaseModel):
    """What a badly timed call costs, in any one currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    early: float = Field(1.0, gt=0, description="each day that the call comes before the purchase would have")
    late: float = Field(5.0, gt=0, description="each day that the call comes after it")
    wasted_call: float = Field(10.0, ge=0, description="a call to a lead that does not buy within the longest horizon")
    early_cap: float | None = Field(
        None, gt=0, description="what a call costs at most for being too early; never more than wasted_call"
    )
    lead_time: float = Field(0.0, ge=0, le=365, description="days from the first call to the signature")
    deal_lost_after: float | None = Field(
        None,
        gt=0,
        description="a call so many days too late loses the deal, each day its share; `late` is not used then",
    )
    deal_value: float = Field(0.0, ge=0, description="what a deal is worth where the lead's own `value` is not known")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.early_cap is not None and self.early_cap > self.wasted_call:
            raise ValueError(
                f"expected early_cap of at most wasted_call = {self.wasted_call:g}, got {self.early_cap:g}"
            )
        if self.deal_lost_after is not None and self.deal_value == 0:
            raise ValueError("expected deal_value above 0 where deal_lost_after is set, for deals of unknown value")
        return self


class EventRoles(BaseModel):
    """Which event types play a part that the features must know. Every other type needs no entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mail_sent: tuple[str, ...] = ("mail_sent",)
    mail_opened: tuple[str, ...] = ("mail_opened",)
    mail_clicked: tuple[str, ...] = ("mail_clicked",)
    content_properties: tuple[str, ...] = Field(
        ("content", "path", "url"), description="the property that tells what was read: the first that is there"
    )


class Limits(BaseModel):
    """What one key may ask of one worker process of the service in a second; ten times as much at once. 0: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: float = Field(2_000, ge=0, description="requests with scope read")
    ingest: float = Field(50_000, ge=0, description="events")
    write: float = Field(500, ge=0, description="requests with scope write")
    admin: float = Field(100, ge=0, description="requests with scope admin")
    sign_in: float = Field(10, ge=0, description="attempts to sign in to the pages, by address and minute")


Disposition = Literal["too_early", "on_time", "too_late", "not_a_buyer", "wrong_person", "no_answer"]


class CrmSettings(BaseModel):
    """What the words of your CRM mean. Capitals do not matter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dispositions: dict[str, Disposition] = Field(
        default={
            "Call back later": "too_early",
            "Already bought elsewhere": "too_late",
            "Not interested": "not_a_buyer",
        },
        description="how a call ended, in the CRM's words and in ours",
    )
    won_stages: tuple[str, ...] = Field(("closedwon", "closed won"), description="deals in these stages are purchases")
    lost_stages: tuple[str, ...] = Field(("closedlost", "closed lost"), description="deals in these stages are lost")
    hubspot_secret: SecretStr | None = Field(None, description="client secret of the app that sends HubSpot's webhooks")


class SalesSettings(BaseModel):
    """When salespeople call, and how many leads a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capacity_per_day: int = Field(20, ge=0, le=1_000, description="calls that a salesperson can make on a working day")
    capacities: dict[str, int] = Field(default={}, description="the same for salespeople of another capacity, by owner")
    country: str | None = Field(
        None, pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", description="whose holidays are no working days: DE, US, or DE-BY"
    )
    closed: tuple[date, ...] = Field((), description="further days on which nobody calls")
    week: tuple[int, ...] = Field((0, 1, 2, 3, 4), min_length=1, description="working days of the week, 0 is Monday")
    hours: tuple[int, int] = Field((8, 18), description="working hours, from and to")
    timezone: str = Field("UTC", description="of the working hours and days, such as Europe/Berlin")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise ValueError(f"expected hours such as [8, 18], got {list(self.hours)}")
        if not set(self.week) <= set(range(7)):
            raise ValueError(f"expected days of the week from 0 (Monday) to 6, got {list(self.week)}")
        if min(self.capacities.values(), default=0) < 0:
            raise ValueError("expected capacities of 0 calls or more")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError):
            raise ValueError(f"expected a time zone such as Europe/Berlin, got {self.timezone!r}") from None
        return self

    def capacity(self, owner: str | None) -> int:
        """Calls a working day of one salesperson."""
        return self.capacities.get(owner or "", self.capacity_per_day)


class Measurement(BaseModel):
    """Which touches are marketing's, and how attribution weighs them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sales_channels: tuple[str, ...] = Field(("phone", "sales"), description="touches on these channels are sales' own")
    unknown_channels: tuple[str, ...] = Field(
        ("direct", "product"), description="of touches on these it is not known what made the lead come"
    )
    visit_minutes: float = Field(
        30.0, ge=0, description="touches of one channel and campaign that follow within so many minutes are one"
    )
    half_life_days: float = Field(7.0, gt=0, description="time decay: a touch so many days earlier counts half")
    segment: str = Field("industry", min_length=1, description="the trait by which reports split by segment")
    satisfied_from: float = Field(
        9.0, ge=0, le=10, description="customers of this satisfaction or more are the most satisfied"
    )
    audience_traits: tuple[str, ...] = Field(
        ("email", "phone", "firstName", "lastName", "company", "country"),
        description="traits that an audience export holds, each a column",
    )
    audience_refusals: tuple[str, ...] = Field(
        ("unsubscribed", "do_not_contact"), description="leads with one of these traits true are in no audience"
    )


class ContractSettings(BaseModel):
    """What marketing and sales owe each other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    qualified_per_week: int | None = Field(
        None, ge=1, description="qualified leads that marketing hands over each week; none: no commitment"
    )
    reaction_hours: float = Field(24.0, gt=0, le=1_000, description="within which sales reacts to a handoff")
    hours: Literal["working", "calendar"] = Field(
        "working", description="whether these are working hours, as in [sales], or hours of the clock"
    )


class Settings(BaseSettings):
    """All settings of leadtime. Unknown names in leadtime.toml are refused."""

    model_config = SettingsConfigDict(
        env_prefix="LEADTIME_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=SETTINGS_FILE
    )

    database_url: str = Field("sqlite:///var/leadtime.db", description="SQLite or PostgreSQL")
    horizons: Annotated[tuple[int, ...], NoDecode] = Field((7, 30, 90), description="days, rising")
    window_coverage: float = Field(0.8, gt=0, lt=1, description="share of purchasers who buy within their window")
    costs: Costs = Costs()
    events: EventRoles = EventRoles()
    crm: CrmSettings = CrmSettings()
    sales: SalesSettings = SalesSettings()
    measurement: Measurement = Measurement()
    contract: ContractSettings = ContractSettings()
    gate: GateSettings = GateSettings()
    seed: int = Field(1, ge=0)

    model_name: str = "leadtime"
    model_alias: str = "champion"

    scores_max_age_hours: float = Field(
        24.0,
        gt=0,
        description="scores of leads of which nothing new is known are computed again after this long, "
        "and in any case when a day (UTC) begins",
    )
    handoff_days_ahead: int = Field(
        21, ge=0, description="a lead is handed over when its call date lies at most so many days ahead"
    )
    handoff_close_days: int = Field(
        7, ge=0, description="an open window closes when its call date moves so many days more than that ahead"
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


def load_settings(**given: Any) -> Settings:
    """The settings in force, ``given`` ones first. InputError names each setting that is wrong."""
    try:
        return Settings(**given)
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
