"""Alembic's entry: runs the migrations on the connection it is handed."""

from alembic import context

from controller.store.migrate import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(METADATA),
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
