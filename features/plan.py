"""What a catalogue comes to for the kernel: which classes of events there are, and what is read from properties."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

from features.accounts import Streams
from features.events import ENDINGS, ERASED, NOT_ENGAGEMENT
from features.feature_spec import ENGAGEMENT, EVERY, GIVEN, Condition
from features.history import History
from features.kernel import Program


class Selector(NamedTuple):
    """Which events a row looks at, by type and channel."""

    types: tuple[str, ...]
    without_types: tuple[str, ...]
    channels: tuple[str, ...]
    without_channels: tuple[str, ...]
    endings: bool = False  # of colleagues, where they are named

    def takes_type(self, name: str) -> bool:
        if name in self.without_types or name == ERASED:
            return False
        if name in ENDINGS:
            return self.endings and name in self.types
        return name in self.types or EVERY in self.types or (ENGAGEMENT in self.types and name not in NOT_ENGAGEMENT)

    def takes_channel(self, name: str | None) -> bool:
        if name is not None and name in self.without_channels:
            return False
        return not self.channels or (name is not None and (name in self.channels or GIVEN in self.channels))


class Reader(NamedTuple):
    """Which property is read (the first given of these names), and for a categorical into which levels."""

    names: tuple[str, ...]
    levels: tuple[str, ...] | None = None


@dataclass(eq=False)
class Plan:
    """A catalogue, compiled. Event kinds are pairs of a type class and a channel class, in that order.

    Types (and channels) that the rows treat alike share a class; ``type_class`` and ``channel_class`` give it for
    the names that occur in the rows, the class under None is that of all other names. -1: never looked at.
    """

    program: Program
    n_channel_classes: int
    type_class: dict[str | None, int]
    channel_class: dict[str | None, int]
    no_channel: int
    reads: list[bool]  # by type class: whether the properties of its events are read
    numbers: tuple[Reader, ...]
    levels: tuple[Reader, ...]
    dates: tuple[Reader, ...]
    values: tuple[Reader, ...]  # for distinct values
    event_levels: tuple[Reader, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    account_property: str | None  # None if no row asks about the account
    streams: Streams  # of events of colleagues
    prepared: WeakKeyDictionary[History, object] = field(default_factory=WeakKeyDictionary)  # by history
