"""Load interchange tables, or exports of a CRM, into the log: ``python -m features.load [--format hubspot] DIR``."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from features.business_settings import CrmSettings
from features.errors import InputError, LeadtimeError
from features.settings import load_settings
from features.sources.imports import OBJECTS, export_files, load_export, terms
from features.store import Store
from features.tables import Count, Folder, Reject
from features.tables.folder import Progress, no_progress

_COLUMNS = ("file", "line", "column", "reason")


class RejectsFile:
    """A CSV file of refused rows; there is one only when something was refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._stream: Any = None
        self._writer: Any = None

    def add(self, rejects: Sequence[Reject]) -> None:
        if not rejects:
            return
        if self._stream is None:
            self._stream = self.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._writer = csv.writer(self._stream)
            self._writer.writerow(_COLUMNS)
        self._writer.writerows((r.file, r.line, r.column, r.reason) for r in rejects)
        self.count += len(rejects)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        elif self.path.is_file() and self.path.read_text(errors="replace").startswith(",".join(_COLUMNS)):
            self.path.unlink()  # of an earlier load


@contextmanager
def rejects_file(folder: Path, given: Path | None) -> Iterator[RejectsFile]:
    """Where refused rows go: the file given, else DIR/rejects.csv, else, if DIR takes no file, ./rejects.csv."""
    path = given
    if path is None:
        path = (folder if os.access(folder, os.W_OK) else Path()) / "rejects.csv"
    if not os.access(path.parent, os.W_OK):
        raise InputError(where=str(path), expected="a folder to write to", got="none", remedy="Use --rejects")
    rejects = RejectsFile(path)
    try:
        yield rejects
    finally:
        rejects.close()


def load(
    folder: Path, store: Store, *, now: int, rejects: RejectsFile, progress: Progress = no_progress
) -> dict[str, Count]:
    """Append what is in the folder to the log; what became of the rows of each table.

    An interrupted load is finished by loading again.
    """
    source = Folder(folder, now=now, progress=progress)
    counts = {table: Count() for table in source.tables}
    for part in source.parts(store):
        count = counts[part.table]
        count.read += part.read
        count.rejected += len(part.rejects)
        count.known += part.known
        rejects.add(part.rejects)
        for done in (store.append(part.events), store.append_spend(part.spend)):
            count.new += done.accepted
            count.known += done.duplicates
    return counts


def load_exports(
    crm: str, path: Path, store: Store, settings: CrmSettings, *, now: int, rejects: RejectsFile
) -> dict[str, Count]:
    """Append what is in exports of a CRM (features/sources) to the log, file by file."""
    counts: dict[str, Count] = {}
    for kind, file in export_files(crm, path):
        done = load_export(crm, kind, file, store, terms(settings, now))
        count = counts.setdefault(kind, Count())
        count.read += done.read
        count.rejected += len(done.rejects)
        count.new += done.accepted
        count.known += done.known
        rejects.add([replace(reject, file=file.name) for reject in done.rejects])
    return counts


def summary(counts: dict[str, Count], rejects: RejectsFile) -> str:
    """What a load did, for people."""
    lines = [f"{'table':<18}{'rows':>12}{'refused':>12}{'new events':>12}{'known':>12}"]
    lines += [f"{t:<18}{c.read:>12,}{c.rejected:>12,}{c.new:>12,}{c.known:>12,}" for t, c in counts.items()]
    if rejects.count:
        lines.append(f"{rejects.count:,} rows were refused; {rejects.path} says which and why")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m features.load",
        description="Load leads, events, outcomes and spend (.csv, .csv.gz, .parquet) into the log. Rows that cannot "
        "be used are listed in a file and left out. Loading a folder again changes nothing.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="with --format also one file")
    parser.add_argument(
        "--format", choices=["tables", *OBJECTS], default="tables", help="interchange tables, or CSV exports of a CRM"
    )
    parser.add_argument("--rejects", metavar="FILE", type=Path, help="where to list refused rows (DIR/rejects.csv)")
    parser.add_argument("--database", metavar="URL", help="instead of LEADTIME_DATABASE_URL")
    parser.add_argument("--no-hints", action="store_true", help="do not say what to type next")
    given = parser.parse_args(argv)
    try:
        settings = load_settings()
        url, now = given.database or settings.database_url, time.time_ns() // 1000
        folder = given.folder.parent if given.folder.is_file() else given.folder
        with rejects_file(folder, given.rejects) as rejects, Store.open(url, migrate=True) as store:
            if given.format == "tables":
                counts = load(given.folder, store, now=now, rejects=rejects, progress=_bar)
            else:
                counts = load_exports(given.format, given.folder, store, settings.crm, now=now, rejects=rejects)
    except LeadtimeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; load again to finish: what is in the log already stays there once\n")
        return 130
    sys.stdout.write(summary(counts, rejects) + "\n")
    if not any(count.new or count.known for count in counts.values()):
        sys.stderr.write("nothing was loaded\n")
        return 2
    if not given.no_hints and not given.database:  # the next command would address another database
        sys.stdout.write("\nNext:\n  python -m training.train\n")
    return 0


def _bar(what: str, size: int) -> tqdm[Any]:
    return tqdm(desc=what, total=size, unit="B", unit_scale=True)


if __name__ == "__main__":
    sys.exit(main())
