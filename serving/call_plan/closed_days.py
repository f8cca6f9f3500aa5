"""The days on which nobody calls."""

from __future__ import annotations

from datetime import date

from features.business_settings import SalesSettings
from features.errors import InputError


def closed_days(sales: SalesSettings, years: range) -> frozenset[date]:
    """The settings' own days and the holidays of their country. InputError for a country that is not known."""
    own = frozenset(sales.closed)
    if sales.country is None:
        return own
    try:
        import holidays  # noqa: PLC0415 - large, and only those who set a country need it
    except ImportError:
        raise InputError(
            where="sales.country",
            expected="the package holidays, which knows them",
            got="an installation without it",
            remedy="Install leadtime's dependencies again, or name the days in sales.closed",
        ) from None
    country, _, part = sales.country.partition("-")
    try:
        return own | frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))
    except NotImplementedError as error:
        raise InputError(where="sales.country", expected="a country such as DE or DE-BY", got=str(error)) from None
