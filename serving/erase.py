"""`python -m serving.erase LEAD_ID`: erase a lead for good; `--compact` alone clears what earlier erasures left.

On SQLite the whole file is written anew, so that the bytes are gone: writers wait meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from features.errors import LeadtimeError
from features.settings import load_settings
from features.store import Erasures, Store
from features.store.erasure import overwrite
from serving.audit.log import command, write


def erase(store: Store, lead_id: str, now: int) -> str:
    def on_record(connection: Any, done: Any) -> None:
        write(connection, [command("erase", now, lead_ids=[lead_id], detail={"removed": done.removed})])

    done = Erasures(store).erase(lead_id, now, also=on_record)
    rows = ", ".join(f"{n} of {table}" for table, n in done.removed.items()) or "nothing more to remove"
    return f"Erased: {rows}. {_of_bytes(store, done.overwritten)}"


def _of_bytes(store: Store, overwritten: bool) -> str:
    if overwritten:
        return "The bytes are gone from the database file; backups keep them until they are replaced."
    if store.engine.dialect.name == "postgresql":
        return (
            "PostgreSQL clears the bytes with its next VACUUM; the write-ahead log and backups keep them for a while."
        )
    return "The file could not be written anew while it was in use; later: python -m serving.erase --compact"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m serving.erase", description="Erase a lead for good")
    parser.add_argument("lead_id", nargs="?", metavar="LEAD_ID")
    parser.add_argument("--compact", action="store_true", help="only write the SQLite file anew")
    given = parser.parse_args(argv)
    if (given.lead_id is None) != given.compact:
        parser.error("expected a LEAD_ID, or --compact alone")
    try:
        with Store.open(load_settings().database_url) as store:
            if given.compact:
                print(_of_bytes(store, overwrite(store.engine)))
            else:
                print(erase(store, given.lead_id, time.time_ns() // 1000))
    except LeadtimeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
