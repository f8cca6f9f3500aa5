"""How a job ends: an exit code, and one line on standard error instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from features.errors import LeadtimeError


def exit_code(job: Callable[[], int | None], *, interrupted: str, out: Path | None = None) -> int:
    """Run ``job``: 0 when it is done (or the code that it answers), 2 when what it was given cannot be used, 130 when
    it was interrupted. ``interrupted``: what then holds. ``out``: the file that it writes, if any.
    """
    try:
        return job() or 0
    except LeadtimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, or a folder that takes no file
        if out is None:
            raise
        print(f"error: {out}: expected a file that can be written, got: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {interrupted}", file=sys.stderr)
        return 130
