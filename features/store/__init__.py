"""The one append-only log, on SQLite or PostgreSQL."""

from features.store.erasure import Erased, Erasures
from features.store.store import Appended, Store

__all__ = ["Appended", "Erased", "Erasures", "Store"]
