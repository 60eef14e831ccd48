"""Run by Alembic: applies migrations on the connection, and in the transaction, that `upgrade` hands over."""

from alembic import context

from agent.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
