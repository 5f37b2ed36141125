"""Tables, transactions, migrations: SQLite or Postgres with the same code."""
