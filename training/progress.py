"""What a job is doing, for whoever waits for it: one line for each stage, with its seconds, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stage:
    """A stage under way; what is put into ``note`` ends its line."""

    def __init__(self) -> None:
        self.note = ""


@contextmanager
def stage(name: str, *, quiet: bool = False) -> Iterator[Stage]:
    """Says that ``name`` begins, and when it has ended how long it took."""
    current, began = Stage(), time.perf_counter()
    live = not quiet and sys.stderr.isatty()
    if live:
        print(f"  {name} ...", end="", flush=True, file=sys.stderr)
    try:
        yield current
    except BaseException:
        if live:
            print(file=sys.stderr)
        raise
    if not quiet:
        seconds = time.perf_counter() - began
        print(f"{chr(13) if live else ''}  {name:<34}{seconds:7.1f} s   {current.note}".rstrip(), file=sys.stderr)
