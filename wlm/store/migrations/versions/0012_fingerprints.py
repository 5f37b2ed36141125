"""Put what stands for things that were said under its owner's key: a bare hash can be guessed."""

import sqlalchemy as sa
from alembic import context, op

revision = "0012"
down_revision = "0011"

BATCH = 500
# Table: what tells its rows apart, and the column.
PRINTS = {
    "events": (["id"], "fingerprint"),
    "idempotency_keys": (["owner", "key"], "fingerprint"),
    "corrections": (["id"], "key"),
    "llm_calls": (["id"], "key"),
}


def upgrade() -> None:
    """Each value in place: it was a hash of what is hashed now."""
    vault = context.config.attributes["store"].vault
    connection = op.get_bind()
    for name, (keys, column) in PRINTS.items():
        names = dict.fromkeys(["owner", *keys, column])
        table = sa.table(name, *(sa.column(each, sa.String()) for each in names))
        of_row = [table.c[key] for key in keys]
        last: tuple[str, ...] | None = None
        while True:
            query = sa.select(table).where(table.c[column].is_not(None))
            if last is not None:
                query = query.where(sa.tuple_(*of_row) > sa.tuple_(*last))
            rows = connection.execute(query.order_by(*of_row).limit(BATCH)).mappings().all()
            for row in rows:
                sealed = vault.fingerprint(connection, row["owner"], row[column])
                one = (table.c[key] == row[key] for key in keys)
                connection.execute(sa.update(table).where(*one).values({column: sealed}))
            if len(rows) < BATCH:
                break
            last = tuple(rows[-1][key] for key in keys)
