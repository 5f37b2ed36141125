"""What Alembic runs for one branch; ``wlm.store.upgrade`` hands over connection and tables."""

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=given["metadata"],
    version_table=given["version_table"],
    render_as_batch=True,
)
context.run_migrations()
