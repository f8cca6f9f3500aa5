"""Which leads belong to one account: an index over the traits in the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from features.property_values import text_of
from features.store.schema import MAX_NAME


def account_links(identified: Iterable[Sequence[Any]]) -> list[dict[str, str]]:
    """The rows of lead_accounts for identify events, whose lead_id and properties come first, each once."""
    links = set()
    for lead_id, properties, *_ in identified:
        account = text_of(orjson.loads(properties).get("account_id"))
        if account is not None:
            links.add((_key(account), lead_id))
    return [{"account_id": account, "lead_id": lead_id} for account, lead_id in sorted(links)]


def _key(account: str) -> str:
    """An account as it stands in the index: cut to what every database can index.

    It must tell no two ids apart that the builder takes for one (5 and "5"), or a request would miss colleagues that
    training saw. Two long ids may share a key: that only brings the events of a few more leads along.
    """
    return account.replace("\x00", "")[:MAX_NAME]
