"""Minutes of mixed load, and what they do to the service's memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.service.processes import Server

EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Soaked:
    """Resident MB of the largest process: (minutes since the start, MB)."""

    memory: list[tuple[float, float]]

    def between(self, begin: float, end: float) -> float:
        """The mean of a part of the time, given in shares of it."""
        whole = self.memory[-1][0]
        part = [mb for at, mb in self.memory if begin * whole <= at <= end * whole]
        return sum(part) / len(part)


def soak(server: Server, minutes: float, work: Sequence[Callable[[], None]]) -> Soaked:
    """Each of ``work`` again and again in a thread of its own, all at once. The first error of any is raised."""
    ends = time.monotonic() + 60 * minutes
    errors: list[BaseException] = []

    def again(do: Callable[[], None]) -> None:
        try:
            while time.monotonic() < ends and not errors:
                do()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=again, args=(do,)) for do in work]
    memory = [(0.0, server.memory())]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(EVERY_SECONDS)
        memory.append(((time.monotonic() - began) / 60, server.memory()))
    if errors:
        raise errors[0]
    return Soaked(memory)
