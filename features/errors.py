"""Every error that leadtime raises on purpose.

LeadtimeError
├── InputError          what was given cannot be used; says what was expected, what came, and the remedy
├── UnknownLead         no event of this lead is in the log
├── ErasedLead          the lead was erased on request; nothing of it is kept
├── StoreUnavailable    the database cannot be reached or is not at the right schema version
└── ModelUnavailable    no model is registered, or the registered one cannot be used
"""

from __future__ import annotations


class LeadtimeError(Exception):
    """Root of the errors that are raised on purpose."""


class InputError(LeadtimeError, ValueError):
    """Input that cannot be used.

    ``where`` names the place (a file and line, a field); ``expected``, ``got`` and ``remedy`` are sentences
    or fragments that a person can act on.
    """

    def __init__(self, *, expected: str, got: str, remedy: str = "", where: str = "") -> None:
        self.expected, self.got, self.remedy, self.where = expected, got, remedy, where
        text = f"expected {expected}, got {got}"
        if where:
            text = f"{where}: {text}"
        if remedy:
            text = f"{text}. {remedy}"
        super().__init__(text)


class UnknownLead(LeadtimeError):
    """No event of this lead is in the log (at the as-of time asked about)."""

    def __init__(self, lead_id: str) -> None:
        self.lead_id = lead_id
        super().__init__(f"no event of lead {lead_id!r} is known; send its history first")


class ErasedLead(LeadtimeError):
    """The lead was erased on request. ``erased_at``: microseconds since 1970 UTC."""

    def __init__(self, lead_id: str, erased_at: int) -> None:
        self.lead_id, self.erased_at = lead_id, erased_at
        super().__init__("this lead was erased on request; nothing of it is kept")


class StoreUnavailable(LeadtimeError):
    """The database cannot be reached, or its schema is not the one this version needs."""


class ModelUnavailable(LeadtimeError):
    """No model is registered under the alias, or the registered one cannot be used."""
