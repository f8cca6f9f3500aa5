"""The append-only log of events, on SQLite or PostgreSQL."""
