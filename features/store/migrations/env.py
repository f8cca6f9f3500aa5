"""Alembic runs this. The connection comes from features.store.migrate, in a transaction already."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
context.run_migrations()
