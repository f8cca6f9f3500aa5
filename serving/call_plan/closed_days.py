"""The days on which nobody calls."""

from __future__ import annotations

from datetime import date

from features.business_settings import WorkingTime
from features.errors import InputError


def closed_days(work: WorkingTime, years: range, *, where: str = "sales") -> frozenset[date]:
    """The settings' own days and the holidays of their country. InputError for a country that is not known.

    ``where``: the block of the settings, to name in an error.
    """
    own = frozenset(work.closed)
    if work.country is None:
        return own
    try:
        import holidays  # noqa: PLC0415 - large, and only those who set a country need it
    except ImportError:
        raise InputError(
            where=f"{where}.country",
            expected="the package holidays, which knows them",
            got="an installation without it",
            remedy=f"Install leadtime's dependencies again, or name the days in {where}.closed",
        ) from None
    country, _, part = work.country.partition("-")
    try:
        return own | frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))
    except NotImplementedError as error:
        raise InputError(where=f"{where}.country", expected="a country such as DE or DE-BY", got=str(error)) from None
