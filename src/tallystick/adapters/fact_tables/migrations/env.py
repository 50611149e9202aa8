"""What Alembic runs: the revisions over the connection that `database.migrate` hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from tallystick.adapters.fact_tables.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
