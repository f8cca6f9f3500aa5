"""Buyer journeys, simulated: the one source of histories of which the truth is known."""

from __future__ import annotations
