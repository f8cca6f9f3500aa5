"""Ctrl-C and SIGTERM: when they end a job, and when they have to wait for what must be whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Hold:
    """``asked``: whether a signal came while the block was held."""

    asked = False

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: with KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def held() -> Iterator[Hold]:
    """Neither signal interrupts the block; it asks by itself, where it can still go back, whether one came."""
    hold = Hold()
    if threading.current_thread() is not threading.main_thread():
        yield hold
        return
    before = [(number, signal.signal(number, hold._hear)) for number in _SIGNALS]  # noqa: SLF001 - its own
    try:
        yield hold
    finally:
        for number, handler in before:
            signal.signal(number, handler)
