"""What a job is doing and how long it will take, for whoever waits for it: a line for each stage, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_EVERY = 0.5  # seconds between two looks of a terminal at a stage under way
_CLEAR = "\r\x1b[K"


class Stage:
    """A stage under way; what is put into ``note`` ends its line, ``share`` is how much of it is done (0 to 1)."""

    def __init__(self) -> None:
        self.note = ""
        self.share = 0.0


class Progress:
    """The stages of one job. In a terminal the line of a stage lives, elsewhere each stage is one plain line.

    ``expect`` tells what stages took before; from then on each line ends with the time that is left.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.seconds: dict[str, float] = {}  # of the stages that have ended
        self._expected: dict[str, float] = {}
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty()

    def expect(self, seconds: Mapping[str, float], scale: float = 1.0) -> None:
        """``seconds``: by stage, in their order, of a job before; ``scale``: how much more there is to do now."""
        self._expected = {name: took * scale for name, took in seconds.items()}

    def left(self, name: str = "", elapsed: float = 0.0, share: float = 0.0) -> float | None:
        """Seconds until the job ends, ``name`` being under way; None where nothing is known of jobs before.

        What is to come is expected as fast or slow as what has ended was.
        """
        if not self._expected:
            return None
        ended = [stage for stage in self._expected if stage in self.seconds]
        took, expected = sum(self.seconds[s] for s in ended), sum(self._expected[s] for s in ended)
        pace = min(max(took / expected, 0.2), 5.0) if expected > 1.0 else 1.0
        to_come = sum(s for stage, s in self._expected.items() if stage not in self.seconds and stage != name)
        here = elapsed / share - elapsed if share > 0.05 else max(0.0, self._expected.get(name, 0.0) * pace - elapsed)
        return to_come * pace + (here if name else 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Says that ``name`` begins, and when it has ended how long it took."""
        current, began, ended = Stage(), time.perf_counter(), threading.Event()

        def look() -> None:
            while not ended.wait(_EVERY):
                self._say(name, time.perf_counter() - began, current)

        looking = threading.Thread(target=look, daemon=True)
        if self._live:
            print(f"  {name} ...", end="", flush=True, file=sys.stderr)
            looking.start()
        try:
            yield current
        except BaseException:
            self._stop(looking, ended)
            if self._live:
                print(file=sys.stderr)
            raise
        self._stop(looking, ended)
        seconds = time.perf_counter() - began
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        if not self._quiet:
            left = self.left()
            about = f" ({_about(left)})" if left else ""
            said = f"  {name:<34}{seconds:7.1f} s   {current.note}".rstrip() + about
            print(f"{_CLEAR if self._live else ''}{said}", file=sys.stderr, flush=True)

    def _stop(self, looking: threading.Thread, ended: threading.Event) -> None:
        ended.set()
        if looking.is_alive():
            looking.join()

    def _say(self, name: str, elapsed: float, current: Stage) -> None:
        left = self.left(name, elapsed, current.share)
        about = "" if left is None else f"   {_about(left)}"
        print(f"{_CLEAR}  {name:<34}{elapsed:7.0f} s{about}", end="", flush=True, file=sys.stderr)


def _about(seconds: float) -> str:
    if seconds < 1.5:
        return "nearly done"
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {seconds / 3600:.1f} h left"


@contextmanager
def stage(name: str, *, quiet: bool = False) -> Iterator[Stage]:
    """A stage of a job whose other stages do not matter."""
    with Progress(quiet=quiet).stage(name) as current:
        yield current
