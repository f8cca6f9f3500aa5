"""Colleagues: the other leads of the same account."""

from __future__ import annotations

from features.events import NOT_ENGAGEMENT, to_iso
from features.lives import BOUGHT, GONE, OPEN, lead_lives
from serving.dossier.interest import latest_contents
from serving.dossier.known import Answer, Known

COLLEAGUES, READ = 20, 3  # rows at most, and contents for each
_STATUS = {OPEN: "open", BOUGHT: "purchased", GONE: "lost"}


def colleagues(known: Known) -> Answer:
    """Those that belong to the lead's account as known, the last active first."""
    account = known.trait(known.lead_id, "account_id")
    history = known.history
    mine = [
        i for i, lead_id in enumerate(history.lead_ids)
        if account is not None and lead_id != known.lead_id and known.trait(lead_id, "account_id") == account
    ]  # fmt: skip
    last = {i: _last_activity(known, i) for i in mine}
    mine.sort(key=lambda i: (-last[i], history.lead_ids[i]))
    shown = mine[:COLLEAGUES]
    lives = lead_lives(history, known.as_of) if shown else None
    rows = []
    for i in shown:
        lead_id = history.lead_ids[i]
        outcome = OPEN if lives is None else int(lives.outcome[i])
        rows.append(
            {
                "lead_id": lead_id,
                "status": _STATUS[outcome],
                "ended_at": None if outcome == OPEN or lives is None else to_iso(int(lives.ended_at[i])),
                "last_activity": to_iso(last[i]),
                "owner": known.trait(lead_id, "owner"),
                "read": latest_contents(known.of(lead_id), known.roles, READ),
            }
        )
    return {"account_id": account, "total": len(mine), "leads": rows}


def _last_activity(known: Known, i: int) -> int:
    """When the lead last did something, else when anything last happened to it."""
    history = known.history
    rows = slice(history.start[i], history.start[i + 1])
    at, kinds = history.occurred_at[rows], history.type_code[rows].tolist()
    not_its_own = {*NOT_ENGAGEMENT, *known.roles.mail_sent}
    own = [history.types[kind] not in not_its_own for kind in kinds]
    return int((at[own] if any(own) else at).max())
