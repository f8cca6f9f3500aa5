"""How a job that writes a file ends: an exit code, and one line on standard error instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from features.errors import LeadtimeError


def exit_code(job: Callable[[], None], *, out: Path, interrupted: str) -> int:
    """Run ``job``, which writes to ``out``: 0 when it is done, 2 when its input or ``out`` cannot be used, 130 when
    it was interrupted. ``interrupted``: what then holds.
    """
    try:
        job()
    except LeadtimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, or a folder that takes no file
        print(f"error: {out}: expected a file that can be written, got: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {interrupted}", file=sys.stderr)
        return 130
    return 0
