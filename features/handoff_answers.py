"""Why sales sends a handed over lead back."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "too_early",
    "too_late",
    "not_a_buyer",
    "wrong_person",
    "no_contact",
    "duplicate",
    "customer_already",
    "wrong_salesperson",
    "no_capacity",
    "other",
]

# The lead was not what marketing owes. With the others it may well have been: somebody else or later can take it.
UNQUALIFIED = frozenset(
    {"too_early", "too_late", "not_a_buyer", "wrong_person", "no_contact", "duplicate", "customer_already"}
)
