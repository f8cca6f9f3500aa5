"""Alembic's migrations, run by features.store.migrate."""
