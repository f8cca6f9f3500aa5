"""What audiences are asked and answered."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from serving.audit.log import MAX_NAMED
from serving.crm.cursors import LONGEST
from serving.payloads import Strict

Name = Literal["ripening", "rejected", "lapsed", "satisfied", "not_now"]


class AudienceQuery(Strict):
    days: int | None = Field(
        None,
        ge=1,
        le=3650,
        description="of ripening: windows that open within so many days; the second horizon if absent",
    )
    hashed: bool = Field(False, description="mail addresses, phone numbers and names as SHA-256 in hexadecimal")
    format: Literal["json", "csv"] = "json"
    cursor: str | None = Field(None, max_length=LONGEST, description="next_cursor of the page before")
    limit: int = Field(MAX_NAMED, ge=1, le=MAX_NAMED, description="so many are named in one entry of the audit log")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Audience(_Answer):
    name: Name
    description: str
    size: int | None = Field(description="leads in it now; null: there are no scores yet, which it needs")


class Audiences(_Answer):
    """Leads that refused (setting `measurement.audience_refusals`) and erased ones are in none of them."""

    as_of: str = Field(description="what was known then; up to half a minute ago")
    audiences: list[Audience]


class Member(_Answer):
    """``call_on``, windows and readiness: of the latest score, for open leads."""

    lead_id: str
    traits: dict[str, JsonValue] = Field(
        description="those of the setting `measurement.audience_traits`; null: unknown"
    )
    owner: str | None
    source: str | None
    account_id: str | None
    value: JsonValue
    readiness: float | None
    call_on: str | None
    window_start: str | None
    window_end: str | None


class AudiencePage(_Answer):
    """Leads in the order of their ids, with personal data of each."""

    name: Name
    description: str
    as_of: str
    size: int
    leads: list[Member]
    next_cursor: str | None = Field(description="also in the header X-Next-Cursor, for CSV; null on the last page")
