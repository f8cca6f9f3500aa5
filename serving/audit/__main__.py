"""`python -m serving.audit`: the newest entries of the audit log, one to a line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from features.errors import LeadtimeError
from features.events import to_iso
from features.settings import load_settings
from features.store import Store
from serving.audit.log import Audit


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m serving.audit", description="Who read or changed what")
    parser.add_argument("--lead", help="only what concerned this lead")
    parser.add_argument("--who", help="only what was done with this key")
    parser.add_argument("--limit", type=int, default=50, help="how many entries (50)")
    given = parser.parse_args(argv)
    try:
        with Store.open(load_settings().database_url) as store:
            found = Audit(store).read(lead_ids=[given.lead] if given.lead else [], who=given.who, limit=given.limit)
    except LeadtimeError as error:
        print(error, file=sys.stderr)
        return 2
    for _, entry in reversed(found):
        named = " ".join(entry.lead_ids[:5]) + (" ..." if len(entry.lead_ids) > 5 else "")
        result = f"{entry.result} " if entry.result else ""
        print(
            f"{to_iso(entry.at)}  {entry.who}  {entry.action}  {result}x{entry.requests}  {entry.leads} leads {named}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
