"""Which leads belong to one account: an index over the traits in the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from features.store.schema import MAX_NAME


def account_links(identified: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """The rows of lead_accounts for the lead_id and properties of identify events, each once."""
    links = set()
    for lead_id, properties in identified:
        account = orjson.loads(properties).get("account_id")
        if account is not None and account != "":
            links.add((account_key(account), lead_id))
    return [{"account_id": account, "lead_id": lead_id} for account, lead_id in sorted(links)]


def account_key(account: object) -> str:
    """An account_id as it stands in the index: cut to what every database can index.

    Two long ids may share a key. That only brings the events of a few more leads along; the builder compares the
    ids themselves.
    """
    return str(account).replace("\x00", "")[:MAX_NAME]
