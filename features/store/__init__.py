"""The one append-only log, on SQLite or PostgreSQL."""

from features.store.store import Appended, Store

__all__ = ["Appended", "Store"]
